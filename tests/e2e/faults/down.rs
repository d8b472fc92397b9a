//! Faults on nodes that are down: they wait for a restart that is due, or meet nothing; a power loss strikes the machine.
//! Restarts by supervisors are tested in `lifecycle`.

use crate::harness::{Module, at, campaign, campaigns, holds, replay, scenarios, trials};
use crate::time::{ms, secs};
use afterlife::{
    Break, EventKind, Fault, Faults, Group, Injection, Invariant, NodeId, ObservedEvent, Sim, Supervisor, Trigger,
};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs};
use std::thread::sleep;
use std::time::Duration;

/// The first node of each scenario.
const FIRST: NodeId = NodeId(0);

pub(crate) fn module() -> Module {
    let scenarios = scenarios![restarts_in_ten_seconds, ends_for_good, three_supervised_nodes];
    let trials = trials![
        a_restart_that_is_due_stays_due_whatever_strikes,
        a_fault_waits_for_the_restart_that_is_due,
        a_kill_of_a_node_that_is_down_for_good_meets_nothing,
        drawn_faults_strike_only_what_lives,
    ];
    Module::new(scenarios, trials).and(Module::campaigns(campaigns![
        a_power_loss_after_the_end_of_a_process_loses_its_page_cache: 400,
        a_power_loss_of_a_node_that_is_down_for_good_starts_it: 5,
    ]))
}

/// A server whose first incarnation lasts two seconds.
fn short_lived(sim: &mut Sim, code: i32) -> Group {
    sim.node_main("server", move |node| {
        sleep(if node.incarnation() == 1 { secs(2) } else { secs(1_000) });
        code
    })
}

fn clock(sim: &mut Sim, time: Duration) {
    sim.client_main("clock", move |_| {
        sleep(time);
        0
    });
}

/// The restart is due at 12 s.
fn restarts_in_ten_seconds(sim: &mut Sim) {
    let server = short_lived(sim, 1);
    sim.supervise(server, Supervisor::on_failure().delay(secs(10)));
    sim.turn_off("no-crash-loop");
    sim.turn_off("bounded-shutdown");
    sim.turn_off("no-unprovoked-exit");
    clock(sim, secs(16));
    sim.always("it starts when its restart is due", |view| view.restarts() == 0 || view.now() >= secs(12));
    // A kill may end the process that a stop is about to end.
    sim.eventually("a fault ends it", secs(60), |view| view.restarts() >= 2);
}

fn kill(time: Duration) -> Injection {
    Injection { trigger: at(time), fault: Fault::kill(FIRST, ms(500)) }
}

fn a_restart_that_is_due_stays_due_whatever_strikes() {
    let stop = Injection { trigger: at(secs(5)), fault: Fault::stop(FIRST, ms(1), ms(500)) };
    let pause = Injection { trigger: at(secs(6)), fault: Fault::pause(FIRST, ms(1)) };
    holds("restarts_in_ten_seconds", &[kill(secs(4)), stop, pause]);
}

/// Both kills strike after the restart; the one that strikes later waits once more if the first has left the node down.
fn a_fault_waits_for_the_restart_that_is_due() {
    holds("restarts_in_ten_seconds", &[kill(secs(3)), kill(secs(4))]);
}

fn ends_for_good(sim: &mut Sim) {
    short_lived(sim, 0);
    clock(sim, secs(8));
    sim.always("nothing restarts it", |view| view.restarts() == 0);
    sim.always("nothing strikes it", |view| view.faults() == 0);
}

fn a_kill_of_a_node_that_is_down_for_good_meets_nothing() {
    let stop = Injection { trigger: at(secs(5)), fault: Fault::stop(FIRST, secs(1), ms(500)) };
    let hold = Injection { trigger: at(secs(6)), fault: Fault::hold_thread(FIRST, 1, secs(1)) };
    let reset = Injection { trigger: at(secs(6)), fault: Fault::reset_connections(FIRST, NodeId(1)) };
    let missing = Injection { trigger: at(secs(6)), fault: Fault::missing_file(FIRST, 1) };
    let output = replay("ends_for_good", 0, vec![kill(secs(4)), stop, hold, reset, missing]);
    assert!(output.code == 125 && output.out.contains("none of 5 injections struck"), "{output:?}");
}

fn a_power_loss_of_a_node_that_is_down_for_good_starts_it(sim: &mut Sim) {
    let server = short_lived(sim, 0);
    clock(sim, secs(8));
    sim.inject(Trigger::at(secs(4)), Fault::power_loss(server.node(0), secs(1)));
    sim.always("it starts when power returns", |view| view.restarts() == 0 || view.now() >= secs(5));
    sim.eventually("it restarts once", secs(60), |view| view.restarts() == 1);
}

/// The process ends after two seconds, the power after four; the restart is due at 12 s.
fn a_power_loss_after_the_end_of_a_process_loses_its_page_cache(sim: &mut Sim) {
    let lost = sim.ledger::<bool>("lost");
    let server = sim.node_main("server", move |node| {
        if node.incarnation() == 1 {
            fs::write("/data", vec![7; 9_000]).expect("the disk works");
            sleep(secs(2));
        } else {
            lost.note(fs::read("/data").map_or(true, |data| data != vec![7; 9_000]));
            sleep(secs(1_000));
        }
        1
    });
    sim.supervise(server, Supervisor::on_failure().delay(secs(10)));
    sim.turn_off("no-unprovoked-exit");
    sim.inject(Trigger::at(secs(4)), Fault::power_loss(server.node(0), ms(500)));
    sim.client_main("client", |_| {
        let address = "server:7000".to_socket_addrs().ok().and_then(|mut all| all.next()).expect("it has an address");
        let connect = || TcpStream::connect_timeout(&address, secs(2)).expect_err("nobody listens").kind();
        sleep(secs(3));
        assert_eq!(connect(), ErrorKind::ConnectionRefused, "the machine answers while it has power");
        sleep(secs(2));
        assert_eq!(connect(), ErrorKind::TimedOut, "the machine is silent without power");
        sleep(secs(8));
        0
    });
    sim.always("it starts when its restart is due", |view| view.restarts() == 0 || view.now() >= secs(12));
    sim.eventually("the server looked at its file", secs(60), move |_| !lost.is_empty());
    sim.sometimes("the file is lost", move |_| lost.contains(&true));
    sim.sometimes("the file is kept", move |_| lost.contains(&false));
}

/// No fault strikes a node whose process is down.
#[derive(Default)]
struct StrikesTheLiving {
    live: BTreeSet<String>,
}

impl Invariant for StrikesTheLiving {
    fn id(&self) -> &str {
        "strikes-the-living"
    }

    fn observe(&mut self, event: &ObservedEvent<'_>) -> Option<Break> {
        let node = event.node_name();
        match event.kind() {
            EventKind::Started => _ = self.live.insert(node.to_owned()),
            EventKind::Ended { .. } => _ = self.live.remove(node),
            EventKind::Fault { kind } if !self.live.contains(node) => {
                return Some(Break::new(format!("{kind} strikes {node}, which is down")));
            }
            _ => {}
        }
        None
    }
}

/// Stops and kills of a small cluster: before faults waited for restarts, 28 of 60 runs had some that met a node that was down.
fn three_supervised_nodes(sim: &mut Sim) {
    let servers = sim.nodes("server", 3, |node| async move {
        node.stopping().await;
        Ok(())
    });
    sim.supervise(servers, Supervisor::always());
    clock(sim, secs(31));
    sim.faults(servers, Faults::lifecycle());
    sim.invariant(StrikesTheLiving::default());
    sim.sometimes("four faults strike", |view| view.faults() == 4);
}

fn drawn_faults_strike_only_what_lives() {
    let output = campaign("three_supervised_nodes", "60");
    assert_eq!(output.code, 0, "{output:?}");
}
