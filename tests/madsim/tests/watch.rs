//! Tests as madsim's users write them, each with the one line that watches it, and the results of watching.

use afterlife::{Breach, Held};
use madsim::Config;
use madsim::runtime::{Handle, Runtime};
use std::net::{IpAddr, Ipv4Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::sleep;
use watch_madsim::feed::{self, Ending, GONE, LEAVE, PORT, SUBSCRIBE, say};

const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

/// A client that receives three steps of a feed and leaves.
async fn three_steps(ending: Ending) {
    let handle = Handle::current();
    let serve = move || async move { feed::serve(ending).await.unwrap() };
    handle.create_node().name("server").ip(SERVER).init(serve).build();
    let client = handle.create_node().name("client").ip(CLIENT).build();
    sleep(Duration::from_millis(10)).await;
    let hear = async {
        let mut stream = TcpStream::connect((SERVER, PORT)).await.unwrap();
        say(&mut stream, SUBSCRIBE).await.unwrap();
        for step in 0..3 {
            assert_eq!(stream.read_u8().await.unwrap(), step);
        }
        say(&mut stream, LEAVE).await.unwrap();
        while stream.read_u8().await.unwrap() != GONE {}
    };
    client.spawn(hear).await.unwrap();
    sleep(Duration::from_secs(1)).await;
}

fn watched(seed: u64, ending: Ending) -> Result<Held, Box<Breach>> {
    // Each run has its own thread, as in madsim's own tests: hash maps are seeded once per thread.
    let run = move || {
        Runtime::with_seed_and_config(seed, Config::default()).block_on(async {
            let watching = afterlife::madsim::watch();
            three_steps(ending).await;
            watching.finish()
        })
    };
    std::thread::spawn(run).join().expect("it does not panic")
}

// -- existing tests with one more line

#[madsim::test]
async fn a_feed_that_joins_its_ticker_holds() {
    let _watching = afterlife::madsim::watch();
    three_steps(Ending::Joined).await;
}

#[madsim::test]
#[should_panic(expected = "progress subscriber of server was called")]
async fn a_call_after_deregistration_fails_the_test() {
    let _watching = afterlife::madsim::watch();
    three_steps(Ending::NotJoined).await;
}

// -- the results of watching

#[test]
fn a_breach_has_the_signature_the_story_and_a_record() {
    let breach = watched(11, Ending::NotJoined).expect_err("a call comes after the end");
    assert_eq!(breach.signature.as_str(), "no-callback-after-deregistration · progress · src/feed.rs · src/feed.rs");
    let page = breach.to_string();
    for part in [
        "how it happened",
        "server",
        "deregisters progress",
        "MADSIM_TEST_SEED=11 RUSTFLAGS=\"--cfg madsim\" cargo test",
    ] {
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
    assert_ne!(digest(6), digest(5));
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
fn a_watch_draws_nothing_from_the_simulation() {
    let drawn = |watch: bool| {
        let run = move || {
            Runtime::with_seed_and_config(7, Config::default()).block_on(async {
                let watching = watch.then(afterlife::madsim::watch);
                three_steps(Ending::Joined).await;
                drop(watching);
                (madsim::rand::random::<u64>(), madsim::time::Instant::now().elapsed())
            })
        };
        std::thread::spawn(run).join().expect("it does not panic").0
    };
    assert_eq!(drawn(true), drawn(false));
}

#[test]
fn a_failing_test_keeps_its_own_failure() {
    let failed = std::thread::spawn(|| {
        catch_unwind(AssertUnwindSafe(|| {
            Runtime::new().block_on(async {
                let _watching = afterlife::madsim::watch();
                three_steps(Ending::NotJoined).await;
                panic!("the test's own words");
            })
        }))
    });
    let words = failed.join().expect("it was caught").expect_err("it panicked");
    assert_eq!(words.downcast_ref::<&str>(), Some(&"the test's own words"));
}

#[test]
fn incarnations_of_a_node_are_distinct_and_a_kill_runs_no_destructors() {
    let run = || {
        Runtime::with_seed_and_config(3, Config::default()).block_on(async {
            let watching = afterlife::madsim::watch();
            let handle = Handle::current();
            let keep = || {
                let early = afterlife_probe::Resource::open("early"); // runs while madsim restarts the node and holds its locks
                async move {
                    let late = afterlife_probe::Resource::open("late");
                    let held = late.borrow();
                    early.used();
                    let torn_down_in_the_wrong_order = (early, late, held);
                    std::future::pending::<()>().await;
                    drop(torn_down_in_the_wrong_order);
                }
            };
            let keeper = handle.create_node().name("keeper").init(keep).build();
            sleep(Duration::from_millis(5)).await;
            handle.restart(keeper.id());
            sleep(Duration::from_millis(5)).await;
            handle.kill("keeper");
            sleep(Duration::from_millis(5)).await;
            watching.finish()
        })
    };
    let held = std::thread::spawn(run).join().expect("it does not panic").expect("no dead incarnation acts");
    // Two incarnations with two openings, a borrow and a use each; two faults, each with the end of an incarnation; one more start.
    assert_eq!(held.events, 2 * 4 + 2 * 2 + 1);
}

#[test]
fn restarts_of_a_node_are_part_of_the_story() {
    let run = || {
        Runtime::with_seed_and_config(3, Config::default()).block_on(async {
            let watching = afterlife::madsim::watch();
            let handle = Handle::current();
            let callbacks = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
            let keep = move || {
                let callbacks = callbacks.clone();
                async move {
                    sleep(Duration::from_millis(5)).await;
                    let last = callbacks.lock().unwrap().pop();
                    if let Some(last) = last {
                        afterlife_probe::Registration::deregister(&last);
                        drop(last.fire()); // the callback has outlived its node
                    }
                    callbacks.lock().unwrap().push(afterlife_probe::Registration::new("progress", 1));
                    std::future::pending::<()>().await;
                }
            };
            let keeper = handle.create_node().name("keeper").init(keep).build();
            sleep(Duration::from_millis(10)).await;
            handle.restart(keeper.id());
            sleep(Duration::from_millis(10)).await;
            watching.finish()
        })
    };
    let page = std::thread::spawn(run).join().expect("it does not panic").expect_err("it was called").to_string();
    for part in ["fault   restart keeper", "keeper  restarts", "incarnation 2"] {
        assert!(page.contains(part), "`{part}` is not in\n{page}");
    }
}
