//! `no-deadlock`: locks, joins, channels and connections that nothing will ever wake.

use crate::harness::{Module, campaign, campaign_holds, scenarios, signature, trials};
use crate::time::{ms, secs};
use afterlife::Sim;
use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, sleep};
use std::time::Duration;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        the_lock_is_released,
        the_lock_is_never_released,
        two_locks_in_one_order,
        two_locks_in_two_orders,
        nobody_answers,
        nobody_answers_within_a_deadline,
        nobody_sends,
        nobody_signals,
        a_thread_joins_a_parked_one,
        a_service_idles
    ];
    let trials = trials![
        a_lock_that_is_never_released_is_a_deadlock,
        two_locks_taken_in_two_orders_are_a_deadlock_in_some_run,
        a_read_without_a_deadline_is_a_deadlock_if_nobody_answers,
        a_channel_and_a_signal_that_never_come_are_deadlocks,
        an_idle_service_is_no_deadlock
    ];
    Module::new(scenarios, trials)
}

fn lock(sim: &mut Sim, lets_go: bool) {
    sim.client_main("client", move |_| {
        let lock = Arc::new(Mutex::new(()));
        let held = lock.clone();
        thread::spawn(move || {
            let guard = held.lock();
            sleep(secs(1));
            if !lets_go {
                std::mem::forget(guard);
            }
        });
        sleep(ms(500));
        i32::from(lock.lock().is_err())
    });
}

fn the_lock_is_released(sim: &mut Sim) {
    lock(sim, true);
}

fn the_lock_is_never_released(sim: &mut Sim) {
    lock(sim, false);
}

fn a_lock_that_is_never_released_is_a_deadlock() {
    campaign_holds("the_lock_is_released");
    assert_eq!(signature("the_lock_is_never_released"), "no-deadlock · its work");
    let sentence = campaign("the_lock_is_never_released", "1").finding()["sentence"].to_string();
    assert!(sentence.contains("client thread 0 (main) waits for a lock or a wake-up"), "{sentence}");
}

fn two_locks(sim: &mut Sim, crossed: bool) {
    sim.client_main("client", move |_| {
        let (one, other) = (Mutex::new(0), Mutex::new(0));
        let transfer = |from: &Mutex<i32>, to: &Mutex<i32>| {
            for _ in 0..200 {
                let mut from = from.lock().expect("nobody panics");
                thread::yield_now();
                *to.lock().expect("nobody panics") += 1;
                *from -= 1;
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| transfer(&one, &other));
            scope.spawn(|| if crossed { transfer(&other, &one) } else { transfer(&one, &other) });
        });
        0
    });
}

fn two_locks_in_one_order(sim: &mut Sim) {
    two_locks(sim, false);
}

fn two_locks_in_two_orders(sim: &mut Sim) {
    two_locks(sim, true);
}

fn two_locks_taken_in_two_orders_are_a_deadlock_in_some_run() {
    campaign_holds("two_locks_in_one_order");
    assert_eq!(signature("two_locks_in_two_orders"), "no-deadlock · its work");
    let sentence = campaign("two_locks_in_two_orders", "20").finding()["sentence"].to_string();
    assert_eq!(sentence.matches("waits for a lock or a wake-up").count(), 3, "{sentence}");
}

fn mute(sim: &mut Sim, deadline: Option<Duration>) {
    sim.node_main("mute", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let _streams: Vec<_> = listener.incoming().collect();
        0
    });
    sim.client("client", move |_| async move {
        use tokio::io::AsyncReadExt;
        tokio::time::sleep(secs(1)).await;
        let mut stream = tokio::net::TcpStream::connect("mute:7000").await?;
        let read = async { stream.read_u8().await };
        match deadline {
            Some(deadline) => assert!(tokio::time::timeout(deadline, read).await.is_err()),
            None => drop(read.await),
        }
        Ok(())
    });
}

fn nobody_answers(sim: &mut Sim) {
    mute(sim, None);
}

fn nobody_answers_within_a_deadline(sim: &mut Sim) {
    mute(sim, Some(secs(500)));
}

fn a_read_without_a_deadline_is_a_deadlock_if_nobody_answers() {
    campaign_holds("nobody_answers_within_a_deadline");
    assert_eq!(signature("nobody_answers"), "no-deadlock · its work");
    // As soon as the thread that looked up the name is gone: tokio keeps it for ten seconds.
    assert!(campaign("nobody_answers", "1").finding()["virtual_ns"].as_u64() < Some(12_000_000_000));
}

fn nobody_sends(sim: &mut Sim) {
    sim.client("client", |_| async {
        let (_to, from) = tokio::sync::oneshot::channel::<()>();
        from.await?;
        Ok(())
    });
}

fn nobody_signals(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let (lock, signal) = (Mutex::new(false), Condvar::new());
        drop(signal.wait_while(lock.lock().expect("nobody panics"), |so| !*so));
        0
    });
}

fn a_thread_joins_a_parked_one(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let (to, from) = std::sync::mpsc::channel();
        let main = thread::spawn(move || {
            let own: thread::JoinHandle<()> = from.recv().expect("it is sent");
            own.join()
        });
        let waiter = thread::spawn(thread::park);
        to.send(waiter).expect("it receives");
        i32::from(main.join().is_err())
    });
}

fn a_channel_and_a_signal_that_never_come_are_deadlocks() {
    for scenario in ["nobody_sends", "nobody_signals", "a_thread_joins_a_parked_one"] {
        assert_eq!(signature(scenario), "no-deadlock · its work");
    }
}

fn a_service_idles(sim: &mut Sim) {
    sim.node("server", |_| async { std::future::pending().await });
    sim.node_main("threads", |_| {
        let (_to, from) = std::sync::mpsc::channel::<()>();
        i32::from(thread::scope(|scope| scope.spawn(move || from.recv().is_err()).join()).is_err())
    });
    sim.client_main("client", |_| 0);
}

fn an_idle_service_is_no_deadlock() {
    campaign_holds("a_service_idles");
}
