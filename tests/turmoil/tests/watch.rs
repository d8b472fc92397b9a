//! Tests as turmoil's users write them, each with the one line that watches it, and the results of watching.

use afterlife::{Breach, Held};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;
use turmoil::net::TcpStream;
use turmoil::{Builder, Sim};
use watch_turmoil::feed::{self, Ending, GONE, LEAVE, PORT, SUBSCRIBE};

type Verdict = Result<Held, Box<Breach>>;

/// A client that receives three steps of a feed and leaves.
fn three_steps(sim: &mut Sim<'_>, ending: Ending) {
    sim.host("server", move || feed::serve(ending));
    sim.client("client", async {
        let mut stream = TcpStream::connect(("server", PORT)).await?;
        stream.write_u8(SUBSCRIBE).await?;
        for step in 0..3 {
            assert_eq!(stream.read_u8().await?, step);
        }
        stream.write_u8(LEAVE).await?;
        while stream.read_u8().await? != GONE {}
        sleep(Duration::from_secs(1)).await;
        Ok(())
    });
}

fn watched(seed: u64, ending: Ending) -> Verdict {
    let mut sim = Builder::new().rng_seed(seed).build();
    let watching = afterlife::turmoil::watch(&sim);
    three_steps(&mut sim, ending);
    sim.run().expect("turmoil sees nothing wrong in it");
    watching.finish()
}

// -- existing tests with one more line

#[test]
fn a_feed_that_joins_its_ticker_holds() -> turmoil::Result {
    let mut sim = Builder::new().rng_seed(1).build();
    let _watching = afterlife::turmoil::watch(&sim);
    three_steps(&mut sim, Ending::Joined);
    sim.run()
}

#[test]
#[should_panic(expected = "progress subscriber of server was called")]
fn a_call_after_deregistration_fails_the_test() {
    let mut sim = Builder::new().rng_seed(1).build();
    let _watching = afterlife::turmoil::watch(&sim);
    three_steps(&mut sim, Ending::NotJoined);
    sim.run().unwrap();
}

// -- the results of watching

#[test]
fn a_breach_has_the_signature_the_story_and_a_record() {
    let breach = watched(1, Ending::NotJoined).expect_err("a call comes after the end");
    assert_eq!(breach.signature.as_str(), "no-callback-after-deregistration · progress · src/feed.rs · src/feed.rs");
    let page = breach.to_string();
    for part in
        ["how it happened", "server", "deregisters progress", "-- --exact --nocapture  # with the same rng_seed"]
    {
        assert!(page.contains(part), "`{part}` is not in\n{page}");
    }
    assert!(!page.contains("inject"), "whatever was injected is the test's own:\n{page}");
    let record = breach.record.expect("it could be written");
    assert!(record.join("record.jsonl.zst").is_file(), "{}", record.display());
}

#[test]
fn the_same_seed_has_the_same_digest_and_another_has_another() {
    let digest = |seed| watched(seed, Ending::Joined).expect("it holds").digest;
    assert_eq!(digest(5), digest(5));
    assert!((6..26).any(|seed| digest(seed) != digest(5)), "a latency that is drawn moves some call");
    let broke = |seed| watched(seed, Ending::NotJoined).expect_err("it breaks").digest;
    assert_eq!(broke(5), broke(5));
}

#[test]
fn the_same_seed_has_the_same_digest_in_another_process() {
    const ASKED: &str = "DIGEST_OF_THE_FEED";
    let digest = watched(5, Ending::NotJoined).expect_err("it breaks").digest;
    if std::env::var_os(ASKED).is_some() {
        return println!("digest {digest}");
    }
    let mut other = std::process::Command::new(std::env::current_exe().unwrap());
    other.args(["--exact", "the_same_seed_has_the_same_digest_in_another_process", "--nocapture"]).env(ASKED, "1");
    let printed = String::from_utf8(other.output().unwrap().stdout).unwrap();
    assert!(printed.contains(&format!("digest {digest}")), "{digest} is not in\n{printed}");
}

#[test]
fn a_watch_does_not_change_the_simulation() {
    let times = |watch: bool| {
        let (record, times) = std::sync::mpsc::channel();
        let mut sim = Builder::new().rng_seed(9).build();
        let watching = watch.then(|| afterlife::turmoil::watch(&sim));
        sim.host("server", || feed::serve(Ending::Joined));
        sim.client("client", async move {
            let mut stream = TcpStream::connect(("server", PORT)).await?;
            stream.write_u8(SUBSCRIBE).await?;
            for _ in 0..20 {
                stream.read_u8().await?;
                record.send((turmoil::elapsed(), stream.local_addr()?))?;
            }
            Ok(())
        });
        sim.run().unwrap();
        drop(watching);
        times.iter().collect::<Vec<_>>()
    };
    assert_eq!(times(true), times(false));
}

#[test]
fn a_panic_in_a_task_that_nobody_joins_is_not_silent() {
    let run = |off: bool| {
        let mut sim = Builder::new().rng_seed(3).build();
        let watching = afterlife::turmoil::watch(&sim);
        let watching = if off { watching.turn_off("no-silent-panic") } else { watching };
        sim.host("server", || feed::serve(Ending::Panicking));
        sim.client("client", async {
            let mut stream = TcpStream::connect(("server", PORT)).await?;
            stream.write_u8(SUBSCRIBE).await?;
            sleep(Duration::from_secs(1)).await;
            Ok(())
        });
        sim.run().expect("turmoil lets it pass");
        watching.finish()
    };
    let breach = run(false).expect_err("a task panicked");
    assert_eq!(breach.violation.sentence, "server panicked: no step after the second");
    run(true).expect("it was turned off");
}

#[test]
fn a_failing_test_keeps_its_own_failure() {
    let failed = catch_unwind(AssertUnwindSafe(|| {
        let mut sim = Builder::new().rng_seed(1).build();
        let _watching = afterlife::turmoil::watch(&sim);
        three_steps(&mut sim, Ending::NotJoined);
        sim.run().unwrap();
        panic!("the test's own words");
    }));
    let words = failed.expect_err("it panicked");
    assert_eq!(words.downcast_ref::<&str>(), Some(&"the test's own words"));
}

#[test]
fn incarnations_of_a_host_are_distinct_and_a_crash_runs_no_destructors() {
    let mut sim = Builder::new().rng_seed(2).build();
    let watching = afterlife::turmoil::watch(&sim);
    sim.host("keeper", || {
        let early = afterlife_probe::Resource::open("early"); // before the first poll, when the restarting host is not known yet
        async move {
            let late = afterlife_probe::Resource::open("late");
            let held = late.borrow();
            early.used();
            late.used();
            let torn_down_in_the_wrong_order = (early, late, held);
            std::future::pending::<()>().await;
            drop(torn_down_in_the_wrong_order);
            Ok(())
        }
    });
    sim.client("client", async {
        sleep(Duration::from_millis(40)).await;
        Ok(())
    });
    for _ in 0..10 {
        sim.step().unwrap();
    }
    sim.crash("keeper");
    for _ in 0..5 {
        sim.step().unwrap();
    }
    sim.bounce("keeper");
    sim.run().unwrap();
    let held = watching.finish().expect("every use is before its end");
    // Two incarnations with two openings, a borrow and two uses each; the crash and the end of the first; the start of the second.
    assert_eq!(held.events, 2 * 5 + 2 + 1);
}

#[test]
fn crashes_and_bounces_of_a_host_are_part_of_the_story() {
    let mut sim = Builder::new().rng_seed(2).build();
    let watching = afterlife::turmoil::watch(&sim);
    let callbacks = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    sim.host("keeper", move || {
        let callbacks = callbacks.clone();
        async move {
            sleep(Duration::from_millis(5)).await;
            let last = callbacks.borrow_mut().pop();
            if let Some(last) = last {
                afterlife_probe::Registration::deregister(&last);
                drop(last.fire()); // the callback has outlived its host
            }
            callbacks.borrow_mut().push(afterlife_probe::Registration::new("progress", 1));
            std::future::pending().await
        }
    });
    for _ in 0..10 {
        sim.step().unwrap();
    }
    sim.crash("keeper");
    for _ in 0..10 {
        sim.step().unwrap();
    }
    sim.bounce("keeper");
    for _ in 0..10 {
        sim.step().unwrap();
    }
    let page = watching.finish().expect_err("it was called").to_string();
    for part in ["0.010  fault   crash keeper", "0.020  keeper  restarts", "incarnation 2"] {
        assert!(page.contains(part), "`{part}` is not in\n{page}");
    }
}

#[test]
fn objects_from_before_the_watch_are_ignored() {
    let before = afterlife_probe::Resource::open("before");
    let sim = Builder::new().rng_seed(1).build();
    let watching = afterlife::turmoil::watch(&sim);
    before.close();
    before.used();
    assert_eq!(watching.finish().expect("nothing is known of it").events, 0);

    let watching = afterlife::turmoil::watch(&sim);
    let first = afterlife_probe::Resource::open("first");
    watching.finish().expect("it is open");
    let watching = afterlife::turmoil::watch(&sim);
    let second = afterlife_probe::Resource::open("second");
    first.close();
    second.used();
    watching.finish().expect("the first is another watch's");
}

#[test]
fn a_tracing_subscriber_receives_the_same_events_as_without_a_watch() {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let run = |watch: bool| {
        let lines = Lines::default();
        let to = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().without_time().with_ansi(false).with_writer(move || to.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            let mut sim = Builder::new().rng_seed(1).build();
            let watching = watch.then(|| afterlife::turmoil::watch(&sim));
            three_steps(&mut sim, Ending::Joined);
            sim.run().unwrap();
            drop(watching);
        });
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    };
    let without = run(false);
    assert!(without.contains("node{name=\"server\"}"), "turmoil names its hosts:\n{without}");
    assert_eq!(run(true), without);
}
