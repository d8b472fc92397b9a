//! The causes of events across tasks, threads, processes and time.
//! Each test is one kind of hand-over; the events are marks that the code under test leaves.

use crate::harness::{Module, at, recorded, scenarios, trials};
use afterlife::{Fault, Group, Injection, NodeId, Sim, Supervisor};
use afterlife_sim::event::{Death, Event, Name, What};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Mutex, Notify, Semaphore, broadcast, mpsc, oneshot, watch};
use tokio::time::sleep;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        channel,
        to_and_fro,
        lock,
        notified,
        sleeper,
        hands_over,
        asks_and_keeps,
        dies_twice,
        does_not_stop,
        numbered,
        many_threads,
    ];
    let trials = trials![
        from_a_channel_send_to_its_receive,
        from_the_main_future_to_a_task_and_back,
        from_a_lock_release_to_the_next_holder,
        from_a_watch_send_to_every_receiver,
        across_a_sleep,
        across_blocking_work_and_threads,
        across_a_connection_and_a_file,
        from_one_incarnation_to_the_next,
        the_kill_of_an_overrun_stop_is_caused_by_the_stop,
        events_of_a_task_carry_its_number,
        a_multi_threaded_runtime_has_the_same_causes,
    ];
    Module::new(scenarios, trials)
}

/// Leaves a mark: an event with this name at this point.
fn mark(text: &str) {
    afterlife_sim::emit(|name| What::Reached { name: name(text), site: Name::NONE });
}

/// The events of one run.
struct Run {
    events: Vec<Event>,
    names: Vec<String>,
}

impl Run {
    fn of(scenario: &str, plan: &[Injection]) -> Self {
        let record = recorded(scenario, plan);
        let part = |name: &str| record[name].clone();
        Self {
            events: serde_json::from_value(part("events")).expect("events as they are sent"),
            names: serde_json::from_value(part("names")).expect("texts"),
        }
    }

    fn text(&self, name: Name) -> &str {
        &self.names[name.0 as usize]
    }

    /// The first event that satisfies this.
    fn first(&self, is: impl Fn(&Event) -> bool) -> &Event {
        self.events.iter().find(|event| is(event)).expect("there is such an event")
    }

    fn marked(&self, text: &str) -> &Event {
        self.first(|event| matches!(event.what, What::Reached { name, .. } if self.text(name) == text))
    }

    /// The chain of causes of an event, nearest first: marks by their names, all other events by their kinds.
    fn past(&self, of: &Event) -> Vec<String> {
        let mut past = Vec::new();
        let mut at = of;
        while let Some(cause) = self.events.get(at.cause.0 as usize) {
            assert!(cause.seq < at.seq, "what leads to an event is before it");
            past.push(match cause.what {
                What::Reached { name, .. } => self.text(name).to_owned(),
                what => format!("{what:?}").split([' ', '{']).next().unwrap_or_default().to_owned(),
            });
            at = cause;
        }
        past
    }

    /// Asserts that the marks among an event's causes are these, nearest first.
    #[track_caller]
    fn goes_back(&self, of: &str, to: &[&str]) {
        let past = self.past(self.marked(of));
        let marks: Vec<_> = past.iter().filter(|event| event.starts_with(char::is_lowercase)).collect();
        assert_eq!(marks, to, "of `{of}`, whose whole past is {past:?}");
    }
}

/// Runs a main function alongside two tasks that only make noise: they wake at other times and mark every step.
fn beside_noise<F: Future<Output = ()> + Send + 'static>(sim: &mut Sim, main: fn() -> F) -> Group {
    sim.client("client", move |_| async move {
        for ms in [1, 3] {
            tokio::spawn(async move {
                for _ in 0..20 {
                    sleep(Duration::from_millis(ms)).await;
                    mark("NOISE");
                }
            });
        }
        mark("begins");
        main().await;
        Ok(())
    })
}

async fn ms(ms: u64) {
    sleep(Duration::from_millis(ms)).await;
}

fn channel(sim: &mut Sim) {
    beside_noise(sim, || async {
        let (send, mut receive) = mpsc::channel(1);
        let receiver = tokio::spawn(async move {
            receive.recv().await;
            mark("received");
            ms(5).await;
            mark("later");
        });
        tokio::spawn(async move {
            ms(7).await;
            mark("sends");
            send.send(1).await.expect("somebody listens");
        });
        receiver.await.expect("it ends");
        mark("joined");
    });
}

fn from_a_channel_send_to_its_receive() {
    let run = Run::of("channel", &[]);
    run.goes_back("received", &["sends", "begins"]);
    run.goes_back("later", &["received", "sends", "begins"]);
    run.goes_back("joined", &["later", "received", "sends", "begins"]);
}

fn to_and_fro(sim: &mut Sim) {
    beside_noise(sim, || async {
        let (ask, asked) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move {
            asked.await.expect("it is sent");
            mark("asked");
            answer.send(()).expect("it is waited for");
        });
        ms(9).await;
        mark("asks");
        ask.send(()).expect("it is waited for");
        answered.await.expect("it is sent");
        mark("answered");
    });
}

fn from_the_main_future_to_a_task_and_back() {
    let run = Run::of("to_and_fro", &[]);
    run.goes_back("asks", &["begins"]);
    run.goes_back("asked", &["asks", "begins"]);
    run.goes_back("answered", &["asked", "asks", "begins"]);
}

fn lock(sim: &mut Sim) {
    beside_noise(sim, || async {
        let lock = Arc::new(Mutex::new(()));
        let held = lock.clone().lock_owned().await;
        let waiter = tokio::spawn(async move {
            mark("wants");
            let _held = lock.lock().await;
            mark("locked");
        });
        tokio::spawn(async move {
            ms(11).await;
            mark("unlocks");
            drop(held);
        });
        waiter.await.expect("it ends");
    });
}

fn from_a_lock_release_to_the_next_holder() {
    let run = Run::of("lock", &[]);
    run.goes_back("wants", &["begins"]);
    run.goes_back("locked", &["unlocks", "begins"]);
}

fn notified(sim: &mut Sim) {
    beside_noise(sim, || async {
        let (notify, places) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let ((sender, mut receiver), (set, mut seen)) = (broadcast::channel(1), watch::channel(0));
        let (notified, granted) = (notify.clone(), places.clone());
        let all = [
            tokio::spawn(async move {
                notified.notified().await;
                mark("notified");
            }),
            tokio::spawn(async move {
                granted.acquire().await.expect("it is open").forget();
                mark("granted");
            }),
            tokio::spawn(async move {
                receiver.recv().await.expect("it is output");
                mark("receives");
            }),
            tokio::spawn(async move {
                seen.changed().await.expect("it is set");
                mark("seen");
            }),
        ];
        ms(4).await;
        mark("notifies");
        notify.notify_waiters();
        mark("grants");
        places.add_permits(1);
        mark("sends");
        sender.send(1).expect("a receiver is open");
        mark("sets");
        set.send(1).expect("somebody sees");
        for task in all {
            task.await.expect("it ends");
        }
    });
}

fn from_a_watch_send_to_every_receiver() {
    let run = Run::of("notified", &[]);
    run.goes_back("notified", &["notifies", "begins"]);
    run.goes_back("granted", &["grants", "notifies", "begins"]);
    run.goes_back("receives", &["sends", "grants", "notifies", "begins"]);
    run.goes_back("seen", &["sets", "sends", "grants", "notifies", "begins"]);
}

fn sleeper(sim: &mut Sim) {
    beside_noise(sim, || async {
        let task = tokio::spawn(async {
            mark("lies down");
            ms(13).await;
            mark("stands up");
            tokio::task::yield_now().await;
            mark("goes");
        });
        task.await.expect("it ends");
    });
}

fn across_a_sleep() {
    let run = Run::of("sleeper", &[]);
    run.goes_back("goes", &["stands up", "lies down", "begins"]);
}

fn hands_over(sim: &mut Sim) {
    beside_noise(sim, || async {
        let task = tokio::spawn(async {
            mark("hands over");
            let work = tokio::task::spawn_blocking(|| {
                mark("works");
                std::thread::sleep(Duration::from_millis(6));
                mark("worked");
            });
            work.await.expect("it ends");
            mark("goes on");
            let (send, receive) = std::sync::mpsc::channel();
            let (done, all_done) = oneshot::channel();
            let thread = std::thread::spawn(move || {
                mark("thread");
                receive.recv().expect("it is sent");
                mark("thread received");
                done.send(()).expect("it is waited for");
            });
            ms(3).await;
            mark("sends");
            send.send(1).expect("it is received");
            all_done.await.expect("it is sent");
            mark("done");
            thread.join().expect("it ends");
        });
        task.await.expect("it ends");
    });
}

fn across_blocking_work_and_threads() {
    let run = Run::of("hands_over", &[]);
    run.goes_back("thread", &["goes on", "worked", "works", "hands over", "begins"]);
    let before = ["sends", "goes on", "worked", "works", "hands over", "begins"];
    run.goes_back("thread received", &before);
    run.goes_back("done", &["thread received", "sends", "goes on", "worked", "works", "hands over", "begins"]);
}

fn asks_and_keeps(sim: &mut Sim) {
    sim.node("server", |_| async {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                while let Ok(number) = stream.read_u8().await {
                    mark(if number == 1 { "first" } else { "second" });
                    tokio::fs::write("/a", [number]).await.expect("it is written");
                    let file = tokio::fs::File::open("/a").await.expect("it is there");
                    file.sync_all().await.expect("it is synced");
                    mark(if number == 1 { "first is stored" } else { "second is stored" });
                    stream.write_u8(number).await.expect("it is read");
                }
            });
        }
    });
    beside_noise(sim, || async {
        ms(5).await;
        let mut stream = tokio::net::TcpStream::connect("server:7000").await.expect("it listens");
        for (asks, answered) in [("asks", "answered"), ("asks again", "answered again")] {
            mark(asks);
            stream.write_u8(if asks == "asks" { 1 } else { 2 }).await.expect("it is read");
            stream.read_u8().await.expect("it is written");
            mark(answered);
        }
    });
}

fn across_a_connection_and_a_file() {
    let run = Run::of("asks_and_keeps", &[]);
    run.goes_back("first", &["asks", "begins"]);
    run.goes_back("answered", &["first is stored", "first", "asks", "begins"]);
    let past = ["asks again", "answered", "first is stored", "first", "asks", "begins"];
    run.goes_back("second", &past);
    let whole = run.past(run.marked("second is stored"));
    let to = whole.iter().position(|event| event == "second").expect("it goes back there");
    assert!(whole[..to].iter().any(|event| event == "FileSynced"), "{whole:?}");
}

fn dies_twice(sim: &mut Sim) {
    let nodes = sim.node("server", |node| async move {
        mark(if node.incarnation() == 1 { "first incarnation" } else { "next incarnation" });
        match node.incarnation() {
            2 => Err("tired".into()),
            _ => std::future::pending().await,
        }
    });
    sim.supervise(nodes, Supervisor::on_failure());
    sim.client("client", |_| async {
        ms(3_000).await;
        Ok(())
    });
}

fn from_one_incarnation_to_the_next() {
    let kill =
        Injection { trigger: at(Duration::from_millis(20)), fault: Fault::kill(NodeId(0), Duration::from_millis(10)) };
    let run = Run::of("dies_twice", &[kill]);
    let nth = |nth: u16| run.first(|event| event.what == What::Started && event.incarnation == nth);
    assert_eq!(run.past(nth(2)), ["Exited", "Fault"]);
    // The supervisor restarts it because it ended by itself.
    let past = run.past(nth(3));
    assert!(past[0] == "Exited" && past.iter().any(|event| event == "next incarnation"), "{past:?}");
    let second = run.first(|event| matches!(event.what, What::Exited { how: Death::Exit { code: 1 } }));
    assert_eq!(nth(3).cause, second.seq);
}

fn does_not_stop(sim: &mut Sim) {
    sim.turn_off("bounded-shutdown");
    sim.node("server", |_| std::future::pending());
    sim.client("client", |_| async {
        ms(100).await;
        Ok(())
    });
}

fn the_kill_of_an_overrun_stop_is_caused_by_the_stop() {
    let stop = Injection {
        trigger: at(Duration::from_millis(20)),
        fault: Fault::stop(NodeId(0), Duration::from_millis(1), Duration::from_secs(10)),
    };
    let run = Run::of("does_not_stop", &[stop]);
    let killed = run.first(|event| matches!(event.what, What::Exited { how: Death::Overrun }));
    assert_eq!(run.past(killed), ["StopRequested", "Fault"]);
}

fn numbered(sim: &mut Sim) {
    sim.client("client", |_| async {
        mark("main");
        for name in ["one", "two"] {
            tokio::spawn(async move { mark(name) }).await.expect("it ends");
        }
        Ok(())
    });
}

fn events_of_a_task_carry_its_number() {
    let run = Run::of("numbered", &[]);
    let task = |of: &str| run.marked(of).task;
    assert_eq!((task("main"), task("one"), task("two")), (0, 1, 2));
    assert_eq!(run.marked("one").node, NodeId(0));
}

fn many_threads(sim: &mut Sim) {
    let client = beside_noise(sim, || async {
        let (send, mut receive) = mpsc::channel(1);
        let lock = Arc::new(Mutex::new(()));
        let held = lock.clone().lock_owned().await;
        let first = tokio::spawn(async move {
            receive.recv().await;
            mark("received");
            drop(held);
        });
        let second = tokio::spawn(async move {
            let _held = lock.lock().await;
            mark("locked");
        });
        tokio::spawn(async move {
            ms(8).await;
            mark("sends");
            send.send(1).await.expect("somebody listens");
        });
        second.await.expect("it ends");
        first.await.expect("it ends");
        mark("joined");
    });
    sim.workers(client, 3);
}

fn a_multi_threaded_runtime_has_the_same_causes() {
    let run = Run::of("many_threads", &[]);
    run.goes_back("locked", &["received", "sends", "begins"]);
    run.goes_back("joined", &["locked", "received", "sends", "begins"]);
}
