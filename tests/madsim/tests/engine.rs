//! madsim as a guest engine: the same claims, plans, tokens and records over its network, its time and its tasks.
//! madsim itself is not tested here.

#[path = "../../harness/mod.rs"]
mod harness;
#[path = "../../portable/mod.rs"]
mod portable;

use afterlife::rt::net::{TcpListener, TcpStream};
use afterlife::rt::{spawn, task, time};
use afterlife::{Engine, Fault, Injection, NodeId, Scenario, Sim, Supervisor};
use harness::{Module, at, scenarios, trials};
use portable::ms;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A server that ends after each answer and listens on the same port in each incarnation.
fn incarnations_follow_each_other(sim: &mut Sim) {
    let incarnations = sim.ledger::<u16>("incarnations");
    let server = sim.node("server", move |node| async move {
        // madsim keeps the port of a node that has ended.
        let listener = TcpListener::bind("0.0.0.0:7000").await?;
        incarnations.note(node.incarnation());
        let (mut stream, _) = listener.accept().await?;
        let asked = stream.read_u32().await?;
        stream.write_u32(asked + 1).await?;
        stream.flush().await?;
        time::sleep(ms(50)).await;
        Err("it ends after each answer".into())
    });
    sim.supervise(server, Supervisor::on_failure().delay(ms(10)));
    sim.turn_off("no-crash-loop");
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
    sim.sometimes("there are many incarnations", move |_| incarnations.contains(&5));
}

fn a_port_is_free_after_its_node_has_ended() {
    let output = harness::campaign("incarnations_follow_each_other", "0..10");
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    assert!(!output.out.contains("\"kind\":\"never\""), "{}", output.out);
}

/// A server that counts and is paused for a while.
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

fn a_paused_node_stands_still_and_resumes() {
    let pause = Injection { trigger: at(ms(300)), fault: Fault::pause(NodeId(0), ms(500)) };
    harness::holds("a_server_counts", std::slice::from_ref(&pause));
    let record = harness::recorded("a_server_counts", &[pause]).to_string();
    assert!(record.contains("Paused") && record.contains("Resumed"), "{record}");
    let output = harness::cli(&["run", "a_server_counts", "--seeds", "0..1"]);
    assert!(output.out.contains("nothing is counted meanwhile"), "without a pause it never happens: {}", output.out);
}

/// A crate on stock tokio: its timers follow madsim's time, and its threads block no one else.
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
                let (sender, receiver) = std::sync::mpsc::channel();
                let waits = task::spawn_blocking(move || {
                    let began = Instant::now();
                    (receiver.recv_timeout(ms(wait)).is_ok(), began.elapsed())
                });
                time::sleep(ms(20)).await;
                let was_sent = sender.send(()).is_ok() && wait > 20;
                let (received, took) = waits.await?;
                assert_eq!(received, was_sent);
                assert!(took <= began.elapsed() && took + ms(3) >= ms(wait.min(20)), "{took:?}");
                seen.note(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos());
            }
            Ok(())
        });
    }
}

fn stock_tokio_timers_and_threads_use_madsims_time() {
    let output = harness::campaign("a_stock_crate_asks_tokio", "0..10");
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    let output = harness::cli(&["check", "a_stock_crate_asks_tokio", "--pairs", "4"]);
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
}

/// A panic in one task is allowed, and the other tasks continue.
fn the_others_go_on(sim: &mut Sim) {
    let done = sim.ledger::<&'static str>("done");
    sim.turn_off("no-silent-panic");
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
    let output = harness::campaign("the_others_go_on", "0..3");
    assert!(!output.out.contains("\"kind\":\"never\""), "{}", output.out);
}

fn the_canary_is_found() {
    let output = harness::campaign("canary", "0..20");
    assert_eq!(output.code, 1, "{}{}", output.out, output.err);
    assert_eq!(output.finding()["invariant"], "nothing-acked-is-lost");
}

/// The signatures of one build of the coordinator over these seeds.
fn coordinator(build: &str, seeds: &str) -> Vec<String> {
    let words = ["run", "coordinator", "--build", build, "--seeds", seeds, "--report", "json"];
    let output = harness::output_of(harness::command(&words).env("AFTERLIFE_SHRINK", "0"));
    assert!(output.code <= 1, "{}{}", output.out, output.err);
    output.findings().iter().map(|finding| finding["signature"].to_string()).collect()
}

fn the_shipped_and_patched_coordinators_break_and_the_sound_one_holds() {
    let found = coordinator("shipped", "0..10");
    assert!(found.iter().any(|signature| signature.contains("no-use-after-teardown · query-status")), "{found:?}");
    let found = coordinator("patched", "0..40");
    assert!(
        found.iter().any(|signature| signature.contains("no-callback-after-deregistration · progress-callback")),
        "{found:?}"
    );
    assert_eq!(coordinator("sound", "0..20"), Vec::<String>::new());
    let words = ["check", "coordinator", "--pairs", "3", "--build", "sound"];
    let output = harness::cli(&words);
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
}

fn faults_that_madsim_does_not_support_are_refused() {
    let step = Fault::clock_forward(NodeId(0), Duration::from_millis(1));
    portable::refuses(step, "clock steps", "one clock for all nodes");
    portable::refuses_tokens_of(Engine::Native, "build without --cfg madsim");
    portable::refuses_tokens_of(Engine::Turmoil, "build with --features turmoil");
    let output = harness::cli(&["run", "--engine", "native"]);
    assert_eq!(output.code, 2, "{}{}", output.out, output.err);
}

fn main() -> ExitCode {
    let own = scenarios![incarnations_follow_each_other, a_server_counts, a_stock_crate_asks_tokio, the_others_go_on];
    let mut scenarios: Vec<_> = own.into_iter().map(Scenario::portable).collect();
    scenarios.extend(afterlife_scenarios::all());
    let trials = trials![
        a_port_is_free_after_its_node_has_ended,
        a_paused_node_stands_still_and_resumes,
        stock_tokio_timers_and_threads_use_madsims_time,
        a_panic_that_is_allowed_ends_its_task_alone,
        the_canary_is_found,
        the_shipped_and_patched_coordinators_break_and_the_sound_one_holds,
        faults_that_madsim_does_not_support_are_refused,
    ];
    harness::main([Module::new(scenarios, trials), portable::module()])
}
