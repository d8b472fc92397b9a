//! The behaviour that every guest engine shares: scenarios against `afterlife::rt` alone, and their tests.
//! Tests of a single engine are in its own folder.

use crate::harness::{self, Module, at};
use afterlife::probe::{Registration, Resource};
use afterlife::rt::net::{TcpListener, TcpStream};
use afterlife::rt::{select, spawn, task, time};
use afterlife::{Build, Engine, Fault, Faults, Injection, Ledger, NodeId, Plan, Scenario, Sim, Token};
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A server echoes numbers under stops, kills and partitions.
fn an_echo_comes_back(sim: &mut Sim) {
    let servers = sim.node("server", |node| async move {
        let listener = TcpListener::bind("0.0.0.0:7000").await?;
        loop {
            select! {
                accepted = listener.accept() => {
                    let (mut stream, _) = accepted?;
                    let echo = async {
                        while let Ok(number) = stream.read_u32().await {
                            if stream.write_u32(number).await.is_err() || stream.flush().await.is_err() {
                                return;
                            }
                        }
                    };
                    // In the loop, not in a task: a connection that stands still on a held link would outlive the server.
                    select! {
                        () = echo => {}
                        () = node.stopping() => return Ok(()),
                    }
                }
                () = node.stopping() => return Ok(()),
            }
        }
    });
    let echoed = sim.ledger::<u32>("echoed");
    let client = sim.client("client", move |_| async move {
        for number in 0..20 {
            let ask = async {
                let mut stream = TcpStream::connect("server:7000").await?;
                stream.write_u32(number).await?;
                stream.flush().await?;
                stream.read_u32().await
            };
            if let Ok(Ok(back)) = time::timeout(Duration::from_secs(3), ask).await {
                assert_eq!(back, number);
                echoed.note(number);
            }
            time::sleep(ms(200)).await;
        }
        Ok(())
    });
    sim.faults(servers, Faults::lifecycle().quiet_after(Duration::from_secs(4)));
    sim.faults(
        servers.and(client),
        Faults::none().partitions().held_links(ms(900)).quiet_after(Duration::from_secs(4)),
    );
    sim.always("nothing comes back twice", move |_| echoed.has_no_duplicate());
    sim.sometimes("the server restarts", |view| view.restarts() > 0);
}

fn a_scenario_holds_and_each_seed_is_one_run() {
    let output = harness::campaign("an_echo_comes_back", "0..60");
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    assert!(output.summary()["events"].as_u64() > Some(1_000), "{}", output.out);
    let output = harness::cli(&["check", "an_echo_comes_back", "--pairs", "4"]);
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
}

/// A stop deregisters a callback that a task still calls.
fn a_callback_comes_late(sim: &mut Sim) {
    let server = sim.node("server", |node| async move {
        let progress = std::sync::Arc::new(Registration::new("progress", 1));
        let calls = progress.clone();
        spawn(async move {
            loop {
                time::sleep(ms(3)).await;
                let _in_call = calls.fire();
            }
        });
        node.stopping().await;
        progress.deregister();
        time::sleep(ms(10)).await;
        Ok(())
    });
    sim.client("client", |_| async {
        time::sleep(Duration::from_secs(3)).await;
        Ok(())
    });
    let stops = Faults::none().stops(Duration::from_secs(5)).at_most(1).quiet_after(Duration::from_secs(2));
    sim.faults(server, stops);
}

fn a_late_callback_is_found_and_its_token_replays_it() {
    let output = harness::campaign("a_callback_comes_late", "0..20");
    assert_eq!(output.code, 1, "{}{}", output.out, output.err);
    let finding = output.finding();
    assert_eq!(finding["invariant"], "no-callback-after-deregistration");
    assert_eq!(finding["injections"], 1, "{finding}");
    assert!(finding["sentence"].as_str().is_some_and(|text| text.contains(" of server ")), "{finding}");
    let token = finding["token"].as_str().expect("a finding has a token");
    assert_eq!(token.parse::<Token>().map(|token| token.engine), Ok(Engine::PORTABLE));
    let output = harness::cli(&["replay", token]);
    assert_eq!(output.code, 1, "{}{}", output.out, output.err);
    assert!(output.out.starts_with("✗ callback after deregistration"), "{}", output.out);
}

/// Clocks of std agree with tokio's, and hashes come from the seed.
fn clocks_and_hashes(sim: &mut Sim) {
    let seen = sim.ledger::<(u128, u64, u64)>("seen");
    for name in ["one", "other"] {
        sim.client(name, move |_| async move {
            for wait in [7, 50] {
                let (wall, began, of_tokio) = (SystemTime::now(), Instant::now(), time::Instant::now());
                time::sleep(ms(wait)).await;
                let (wall, gone, of_tokio) = (wall.elapsed()?, began.elapsed(), of_tokio.elapsed());
                let near = |took: Duration| took >= ms(wait) - ms(1) && took <= ms(wait) + ms(2);
                assert!(near(gone) && near(wall) && near(of_tokio), "{wait} ms: {gone:?}, {wall:?}, {of_tokio:?}");
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
                seen.note((now.as_nanos(), RandomState::new().hash_one(1), RandomState::new().hash_one(2)));
            }
            Ok(())
        });
    }
}

fn clocks_and_entropy_obey_the_seed() {
    let output = harness::cli(&["check", "clocks_and_hashes", "--pairs", "4"]);
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    let digests = [0, 1].map(|seed| harness::replay("clocks_and_hashes", seed, Vec::new()).out);
    assert_ne!(digests[0], digests[1]);
}

/// A destructor that writes to a connection, a ledger, a resource and the disk.
struct LastWill(TcpStream, Ledger<&'static str>, Resource);

impl Drop for LastWill {
    fn drop(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        let _ = Pin::new(&mut self.0).poll_write(&mut context, b"!");
        let _ = Pin::new(&mut self.0).poll_flush(&mut context);
        self.1.note("a destructor ran");
        self.2.used();
        let _ = std::fs::write("/will", "");
        let _ = std::fs::remove_dir_all("/data");
    }
}

/// A kill shows only in the end of its connections.
fn a_killed_server_runs_no_destructor(sim: &mut Sim) {
    let noted = sim.ledger::<&'static str>("noted");
    sim.node("server", move |node| async move {
        if node.incarnation() > 1 {
            noted.note(if std::fs::exists("/will")? { "a file was written" } else { "no file" });
            noted.note(if std::fs::exists("/data/1")? { "the data is there" } else { "the data is gone" });
        }
        std::fs::create_dir_all("/data")?;
        std::fs::write("/data/1", "")?;
        let listener = TcpListener::bind("0.0.0.0:7000").await?;
        loop {
            let mut will = LastWill(listener.accept().await?.0, noted, Resource::open("will"));
            spawn(async move {
                let _ = will.0.read_u8().await;
                std::future::pending::<()>().await;
            });
        }
    });
    sim.client("client", move |_| async move {
        let mut stream = TcpStream::connect("server:7000").await?;
        let received = time::timeout(Duration::from_secs(2), stream.read_u8()).await;
        noted.note(if matches!(received, Ok(Ok(_))) {
            "the client received a byte"
        } else {
            "the client received nothing"
        });
        Ok(())
    });
    sim.always("destructors of a killed process have no effect", move |_| {
        let wrong = ["a destructor ran", "a file was written", "the data is gone", "the client received a byte"];
        noted.all(|entry| !wrong.contains(entry))
    });
    sim.sometimes("it is looked for", move |_| noted.contains(&"no file") && noted.contains(&"the data is there"));
}

fn kill() -> Injection {
    Injection { trigger: at(ms(500)), fault: Fault::kill(NodeId(0), ms(100)) }
}

fn destructors_after_a_kill_have_no_effect() {
    harness::holds("a_killed_server_runs_no_destructor", &[kill()]);
    let record = harness::recorded("a_killed_server_runs_no_destructor", &[kill()]).to_string();
    assert!(record.contains("the data is there") && record.contains("the client received nothing"), "{record}");
    let off = Injection { trigger: at(ms(500)), fault: Fault::power_loss(NodeId(0), ms(100)) };
    let record = harness::recorded("a_task_panics_unseen", std::slice::from_ref(&off)).to_string();
    assert!(record.contains("PowerLoss"), "{record}");
}

/// Nobody awaits the task that panics.
fn a_task_panics(sim: &mut Sim) {
    sim.client("client", |_| async {
        spawn(async { panic!("nobody looks") });
        time::sleep(ms(20)).await;
        Ok(())
    });
}

/// The same on a machine that loses power first.
fn a_task_panics_unseen(sim: &mut Sim) {
    sim.node("server", |_| async {
        time::sleep(ms(600)).await;
        spawn(async { panic!("nobody looks") });
        std::future::pending().await
    });
    sim.client("client", |_| async {
        time::sleep(ms(900)).await;
        Ok(())
    });
}

fn a_panic_in_a_detached_task_fails_the_run() {
    harness::breaks("a_task_panics", &[], "no-silent-panic");
}

/// A host that is killed while it waits for a blocking thread.
fn blocking_work_ends(sim: &mut Sim) {
    let done = sim.ledger::<u32>("done");
    let server = sim.node("server", move |_| async move {
        for number in 0.. {
            task::spawn_blocking(move || std::fs::write("/number", number.to_string())).await??;
            done.note(number);
            time::sleep(ms(20)).await;
        }
        Ok(())
    });
    sim.client("client", |_| async {
        time::sleep(Duration::from_secs(2)).await;
        Ok(())
    });
    let kills = Faults::none().kills().starting_at(ms(1)).quiet_after(Duration::from_secs(1)).aimed_at("note done", 20);
    sim.faults(server, kills);
    sim.sometimes("there is much to do", move |_| done.len() > 50);
}

fn blocking_work_stalls_no_one_else() {
    let output = harness::campaign("blocking_work_ends", "0..10");
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
}

/// The token of a run of `an_echo_comes_back` on this engine under this plan.
pub(crate) fn token(engine: Engine, plan: Option<Plan>) -> String {
    Token { scenario: "an_echo_comes_back".to_owned(), build: Build::DEFAULT, engine, seed: 0, plan }.to_string()
}

/// Asserts that this engine refuses a plan with an unsupported fault, and that the table of engines gives the same reason.
pub(crate) fn refuses(fault: Fault, asks: &str, why: &str) {
    let engine = Engine::PORTABLE;
    let plan = Plan { injections: vec![Injection { trigger: at(ms(500)), fault }] };
    let output = harness::cli(&["replay", &token(engine, Some(plan))]);
    assert_eq!(output.code, 125, "{}{}", output.out, output.err);
    assert!(output.err.contains(&format!("needs {asks}, which {engine} does not support: {why}")), "{}", output.err);
    let output = harness::cli(&["list", "--engines"]);
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    assert!(output.out.contains(&format!("{engine}: {why}")), "{}", output.out);
}

/// Asserts that a token of another engine is refused, with the build that supports it.
pub(crate) fn refuses_tokens_of(engine: Engine, next: &str) {
    let output = harness::cli(&["replay", &token(engine, None)]);
    assert_eq!(output.code, 2, "{}{}", output.out, output.err);
    assert!(output.err.contains(&format!("next: {next}")), "{}", output.err);
}

/// These scenarios and tests as a module of the engine's binary.
pub(crate) fn module() -> Module {
    let scenarios = harness::scenarios![
        an_echo_comes_back,
        a_callback_comes_late,
        clocks_and_hashes,
        a_killed_server_runs_no_destructor,
        a_task_panics,
        a_task_panics_unseen,
        blocking_work_ends,
    ];
    let trials = harness::trials![
        a_scenario_holds_and_each_seed_is_one_run,
        a_late_callback_is_found_and_its_token_replays_it,
        clocks_and_entropy_obey_the_seed,
        destructors_after_a_kill_have_no_effect,
        a_panic_in_a_detached_task_fails_the_run,
        blocking_work_stalls_no_one_else,
    ];
    Module::new(scenarios.into_iter().map(Scenario::portable).collect(), trials)
}
