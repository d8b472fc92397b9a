//! madsim as an engine: the same claims, plans, tokens and records over its network, its time and its tasks.
//! What madsim itself does right is not tested here.

#[path = "../../harness/mod.rs"]
mod harness;
#[path = "../../portable/mod.rs"]
mod portable;

use afterlife::rt::net::{TcpListener, TcpStream};
use afterlife::rt::{spawn, task, time};
use afterlife::{Engine, Fault, Injection, NodeId, Scenario, Sim, Supervisor};
use harness::{Module, at, ns, scenarios, trials};
use portable::ms;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A server that ends by itself, and one that stands still, each answer on one port in each of their lives.
fn lives_follow_each_other(sim: &mut Sim) {
    let lives = sim.ledger::<u16>("lives");
    let server = sim.node("server", move |node| async move {
        // madsim keeps the port of a node that has ended.
        let listener = TcpListener::bind("0.0.0.0:7000").await?;
        lives.note(node.incarnation());
        let (mut stream, _) = listener.accept().await?;
        let asked = stream.read_u32().await?;
        stream.write_u32(asked + 1).await?;
        stream.flush().await?;
        time::sleep(ms(50)).await;
        Err("it ends after each answer".into())
    });
    sim.supervise(server, Supervisor::on_failure().delay(ms(10)));
    sim.without("no-crash-loop");
    sim.client("client", |_| async {
        for number in 0..5 {
            let ask = async {
                let mut stream = TcpStream::connect("server:7000").await?;
                stream.write_u32(number).await?;
                stream.flush().await?;
                stream.read_u32().await
            };
            assert_eq!(time::timeout(Duration::from_secs(2), ask).await??, number + 1);
            time::sleep(ms(200)).await;
        }
        Ok(())
    });
    sim.sometimes("there are many lives", move |_| lives.contains(&5));
}

fn a_port_is_free_again_when_its_node_has_ended() {
    let said = harness::run("lives_follow_each_other", "0..10");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(!said.out.contains("\"kind\":\"never\""), "{}", said.out);
}

/// A server counts, and stands still for a while.
fn a_server_counts(sim: &mut Sim) {
    let counted = sim.ledger::<(u32, u64)>("counted");
    sim.node("server", move |_| async move {
        let began = Instant::now();
        for number in 0.. {
            counted.note((number, began.elapsed().as_millis() as u64));
            time::sleep(ms(10)).await;
        }
        Ok(())
    });
    sim.client("client", |_| async {
        time::sleep(Duration::from_secs(1)).await;
        Ok(())
    });
    let during = |at: u64| (305..=795).contains(&at);
    sim.sometimes("nothing is counted meanwhile", move |_| {
        counted.any(|(_, at)| *at > 800) && counted.all(|(_, at)| !during(*at))
    });
}

fn a_paused_node_stands_still_and_goes_on() {
    let pause = Injection { trigger: at(ms(300)), fault: Fault::pause(NodeId(0), ms(500)) };
    harness::holds("a_server_counts", std::slice::from_ref(&pause));
    let record = harness::recorded("a_server_counts", &[pause]).to_string();
    assert!(record.contains("Paused") && record.contains("Resumed"), "{record}");
    let told = harness::carry_out(&mut harness::command(&["run", "a_server_counts", "--seeds", "0..1"]));
    assert!(told.out.contains("nothing is counted meanwhile"), "without a pause it never happens: {}", told.out);
}

/// A crate that knows tokio and not madsim: its timers fall due as madsim's do, and its threads block nobody else.
fn a_stock_crate_asks_tokio(sim: &mut Sim) {
    let seen = sim.ledger::<u128>("seen");
    for name in ["one", "other"] {
        sim.client(name, move |_| async move {
            for wait in [1, 30, 250] {
                let began = Instant::now();
                stock::time::sleep(ms(wait)).await;
                let took = began.elapsed();
                assert!(took >= ms(wait) && took <= ms(wait + 2), "{wait} ms took {took:?}");
                let began = Instant::now();
                let (tell, told) = std::sync::mpsc::channel();
                let waits = task::spawn_blocking(move || {
                    let began = Instant::now();
                    (told.recv_timeout(ms(wait)).is_ok(), began.elapsed())
                });
                time::sleep(ms(20)).await;
                let was_told = tell.send(()).is_ok() && wait > 20;
                let (heard, took) = waits.await?;
                assert_eq!(heard, was_told);
                assert!(took <= began.elapsed() && took + ms(3) >= ms(wait.min(20)), "{took:?}");
                seen.note(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos());
            }
            Ok(())
        });
    }
}

fn timers_and_threads_of_tokios_own_go_by_madsims_time() {
    let said = harness::run("a_stock_crate_asks_tokio", "0..10");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let said = harness::carry_out(&mut harness::command(&["check", "a_stock_crate_asks_tokio", "--pairs", "4"]));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

/// A task panics and nobody minds: the others go on.
fn the_others_go_on(sim: &mut Sim) {
    let done = sim.ledger::<&'static str>("done");
    sim.without("no-silent-panic");
    sim.client("client", move |_| async move {
        let panics = spawn(async { panic!("nobody minds") });
        let goes_on = spawn(async move {
            time::sleep(ms(100)).await;
            done.note("the other task");
        });
        assert!(panics.await.is_err());
        goes_on.await?;
        Ok(())
    });
    sim.sometimes("the other task ends", move |_| done.contains(&"the other task"));
}

fn a_panic_that_is_allowed_ends_its_task_alone() {
    harness::holds("the_others_go_on", &[]);
    let said = harness::run("the_others_go_on", "0..3");
    assert!(!said.out.contains("\"kind\":\"never\""), "{}", said.out);
}

fn the_canary_is_found() {
    let said = harness::run("canary", "0..20");
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert_eq!(said.finding()["invariant"], "nothing-acked-is-lost");
}

/// One build of the coordinator over these seeds.
fn coordinator(build: &str, seeds: &str) -> Vec<String> {
    let words = ["run", "coordinator", "--build", build, "--seeds", seeds, "--report", "json"];
    let said = harness::carry_out(harness::command(&words).env("AFTERLIFE_SHRINK", "0"));
    assert!(said.code <= 1, "{}{}", said.out, said.err);
    said.findings().iter().map(|finding| finding["signature"].to_string()).collect()
}

fn the_coordinator_breaks_as_it_was_shipped_and_as_it_was_patched_and_its_sound_build_holds() {
    let found = coordinator("shipped", "0..10");
    assert!(found.iter().any(|it| it.contains("no-use-after-teardown · query-status")), "{found:?}");
    let found = coordinator("patched", "0..40");
    assert!(found.iter().any(|it| it.contains("no-callback-after-deregistration · progress-callback")), "{found:?}");
    assert_eq!(coordinator("sound", "0..20"), Vec::<String>::new());
    let words = ["check", "coordinator", "--pairs", "3", "--build", "sound"];
    let said = harness::carry_out(&mut harness::command(&words));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

fn what_madsim_has_not_is_refused_and_says_so() {
    let step = Fault::clock_forward(NodeId(0), Duration::from_millis(1));
    portable::refuses(step, "clock steps", "one clock for all nodes");
    portable::refuses_tokens_of(Engine::Native, "build without --cfg madsim");
    portable::refuses_tokens_of(Engine::Turmoil, "build with --features turmoil");
    let said = harness::carry_out(&mut harness::command(&["run", "--engine", "native"]));
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
}

fn main() -> ExitCode {
    let own = scenarios![lives_follow_each_other, a_server_counts, a_stock_crate_asks_tokio, the_others_go_on];
    let mut scenarios: Vec<_> = own.into_iter().map(Scenario::portable).collect();
    scenarios.extend(afterlife_scenarios::all());
    let trials = trials![
        a_port_is_free_again_when_its_node_has_ended,
        a_paused_node_stands_still_and_goes_on,
        timers_and_threads_of_tokios_own_go_by_madsims_time,
        a_panic_that_is_allowed_ends_its_task_alone,
        the_canary_is_found,
        the_coordinator_breaks_as_it_was_shipped_and_as_it_was_patched_and_its_sound_build_holds,
        what_madsim_has_not_is_refused_and_says_so,
    ];
    harness::main([Module::new(scenarios, trials), portable::module()])
}
