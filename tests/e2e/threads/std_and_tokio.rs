//! Threads of std and tokio: workers, the blocking pool, locks, channels, parking, time.
//! Threads of a dying process are in `lifecycle::deaths`.

use crate::harness::{Module, campaign_holds, campaigns, trials};
use crate::time::{ms, secs};
use afterlife::{Ledger, Sim};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel, sync_channel};
use std::sync::{Arc, Barrier, Condvar, Mutex, Once, OnceLock, RwLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        a_service_works_on_several_workers: 30,
        a_program_builds_its_own_runtime: 20,
        an_hour_on_a_blocking_thread_is_an_hour_on_every_clock: 20,
        every_run_begins_at_the_same_wall_clock_time: 20,
        a_clock_that_is_polled_advances: 20,
        a_bounded_queue_of_a_mutex_and_two_condvars_loses_nothing: 50,
        the_seed_decides_which_thread_runs_first: 20,
        parked_threads_wake_when_unparked_or_at_their_deadline: 20,
        channels_send_block_and_disconnect: 20,
        once_initialisation_runs_once: 20,
        thread_locals_are_dropped_with_their_thread: 10,
        a_join_returns_a_threads_result_or_its_panic: 10,
        a_thousand_threads_start_and_end: 10,
        tokio_timers_fire_in_order_and_on_time: 20,
    ])
    .and(Module::new(Vec::new(), trials![hours_of_virtual_sleep_take_no_real_time]))
}

fn a_service_works_on_several_workers(sim: &mut Sim) {
    let server = sim.node("server", |_| async {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
        let count = Arc::new(tokio::sync::Mutex::new(0_u32));
        loop {
            let (mut stream, _) = listener.accept().await?;
            let count = count.clone();
            tokio::spawn(async move {
                while let Ok(number) = stream.read_u32().await {
                    let mut count = count.lock().await;
                    tokio::task::yield_now().await;
                    *count += 1;
                    stream.write_u32(number * 2).await.expect("the client reads");
                }
            });
        }
    });
    let client = sim.client("client", |_| async {
        let mut tasks = tokio::task::JoinSet::new();
        for first in 0..5 {
            tasks.spawn(async move {
                let mut stream = loop {
                    if let Ok(stream) = tokio::net::TcpStream::connect("server:7000").await {
                        break stream;
                    }
                    tokio::time::sleep(ms(1)).await;
                };
                for number in first * 10..first * 10 + 10 {
                    stream.write_u32(number).await.expect("the server reads");
                    assert_eq!(stream.read_u32().await.expect("the server answers"), number * 2);
                }
            });
        }
        while let Some(task) = tasks.join_next().await {
            task?;
        }
        Ok(())
    });
    sim.workers(server.and(client), 3);
}

fn a_program_builds_its_own_runtime(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .max_blocking_threads(8)
            .thread_name("its-own")
            .enable_all()
            .build()
            .expect("a node makes runtimes as it likes");
        let sum = runtime.block_on(async {
            let tasks: Vec<_> = (0..20_u64)
                .map(|number| {
                    tokio::spawn(async move {
                        tokio::time::sleep(ms(number % 3)).await;
                        tokio::task::spawn_blocking(move || {
                            assert_eq!(thread::current().name(), Some("its-own"));
                            number
                        })
                        .await
                    })
                })
                .collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.expect("no task panics").expect("no thread panics");
            }
            sum
        });
        assert_eq!(sum, 190);
        runtime.shutdown_timeout(secs(1));
        0
    });
}

fn hours_of_virtual_sleep_take_no_real_time() {
    let begun = Instant::now();
    campaign_holds("an_hour_on_a_blocking_thread_is_an_hour_on_every_clock");
    assert!(begun.elapsed() < secs(60), "{:?}", begun.elapsed());
}

fn an_hour_on_a_blocking_thread_is_an_hour_on_every_clock(sim: &mut Sim) {
    const HOUR: Duration = secs(3_600);
    sim.time_limit(2 * HOUR);
    for workers in [0, 3] {
        let client = sim.client(&format!("client-{workers}"), |_| async {
            let ticks = Arc::new(AtomicU32::new(0));
            let counted = ticks.clone();
            tokio::spawn(async move {
                let mut interval = tokio::time::interval(secs(60));
                loop {
                    interval.tick().await;
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
            let (instant, system, tokios) = (Instant::now(), SystemTime::now(), tokio::time::Instant::now());
            let naps = (0..10).map(|_| tokio::task::spawn_blocking(|| thread::sleep(HOUR)));
            for nap in naps.collect::<Vec<_>>() {
                nap.await?;
            }
            let passed = [instant.elapsed(), system.elapsed()?, tokios.elapsed()];
            for passed in passed {
                // The naps overlap although the node has only four processors; a wake-up takes a little time.
                assert!((HOUR..HOUR + ms(50)).contains(&passed), "{passed:?}");
            }
            assert!((60..=61).contains(&ticks.load(Ordering::Relaxed)), "{ticks:?}");
            Ok(())
        });
        if workers > 0 {
            sim.workers(client, workers);
        }
    }
}

fn every_run_begins_at_the_same_wall_clock_time(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
        // 2026-01-01T00:00:00Z.
        assert_eq!(since_epoch.as_secs(), 1_767_225_600);
        assert!(Instant::now().checked_sub(secs(86_400)).is_some(), "a program may look back a day");
        0
    });
}

fn a_clock_that_is_polled_advances(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let begun = Instant::now();
        let mut last = begun;
        while begun.elapsed() < ms(1) {
            let now = Instant::now();
            assert!(now > last);
            last = now;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let spinning = stop.clone();
        let spinner = thread::spawn(move || {
            while !spinning.load(Ordering::Acquire) {
                thread::yield_now();
            }
        });
        thread::sleep(ms(1));
        stop.store(true, Ordering::Release);
        spinner.join().expect("it sees the flag");
        0
    });
}

fn a_bounded_queue_of_a_mutex_and_two_condvars_loses_nothing(sim: &mut Sim) {
    const PRODUCERS: u32 = 3;
    const ITEMS: u32 = 50;
    struct Queue {
        items: Mutex<Vec<u32>>,
        not_full: Condvar,
        not_empty: Condvar,
    }
    sim.client_main("client", |_| {
        let queue = Queue { items: Mutex::new(Vec::new()), not_full: Condvar::new(), not_empty: Condvar::new() };
        let mut seen = Vec::new();
        thread::scope(|scope| {
            for producer in 0..PRODUCERS {
                let queue = &queue;
                scope.spawn(move || {
                    for item in 0..ITEMS {
                        let items = queue.items.lock().expect("nobody panics");
                        let mut items =
                            queue.not_full.wait_while(items, |items| items.len() >= 4).expect("nobody panics");
                        items.push(producer * ITEMS + item);
                        queue.not_empty.notify_one();
                    }
                });
            }
            for _ in 0..PRODUCERS * ITEMS {
                let items = queue.items.lock().expect("nobody panics");
                let mut items = queue.not_empty.wait_while(items, |items| items.is_empty()).expect("nobody panics");
                seen.push(items.remove(0));
                queue.not_full.notify_one();
            }
        });
        assert!((0..PRODUCERS).all(|producer| {
            let own: Vec<_> = seen.iter().filter(|item| **item / ITEMS == producer).collect();
            own.len() == ITEMS as usize && own.is_sorted()
        }));
        0
    });
}

fn the_seed_decides_which_thread_runs_first(sim: &mut Sim) {
    let orders = sim.ledger::<Vec<u32>>("orders");
    sim.client_main("client", move |_| {
        let order = Mutex::new(Vec::new());
        let barrier = Barrier::new(3);
        thread::scope(|scope| {
            for number in 0..3 {
                let (order, barrier) = (&order, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    order.lock().expect("nobody panics").push(number);
                });
            }
        });
        orders.note(order.into_inner().expect("nobody panics"));
        0
    });
    for first in 0..3 {
        let led = move |order: Vec<u32>| order[0] == first;
        let all = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        sim.sometimes(&format!("thread {first} is first"), move |_| {
            all.iter().any(|order| orders.contains(&order.to_vec()) && led(order.to_vec()))
        });
    }
}

fn parked_threads_wake_when_unparked_or_at_their_deadline(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let begun = Instant::now();
        let parked = thread::spawn(move || {
            thread::park();
            begun.elapsed()
        });
        thread::sleep(secs(5));
        parked.thread().unpark();
        let woken = parked.join().expect("it does not panic");
        assert!((secs(5)..secs(5) + ms(10)).contains(&woken), "{woken:?}");

        thread::current().unpark();
        let before = Instant::now();
        thread::park();
        assert!(before.elapsed() < ms(10), "a token from before lets it through");
        thread::park_timeout(secs(7));
        assert!((secs(7)..secs(7) + ms(10)).contains(&before.elapsed()), "{:?}", before.elapsed());
        0
    });
}

fn channels_send_block_and_disconnect(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let (to, from) = sync_channel(2);
        let sender = thread::spawn(move || {
            let begun = Instant::now();
            for number in 0..5 {
                to.send(number).expect("somebody receives");
            }
            begun.elapsed()
        });
        thread::sleep(secs(3));
        assert_eq!(from.iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert!(sender.join().expect("it does not panic") >= ms(2_990), "the third waits for a reader");

        let (to, from) = channel::<()>();
        let begun = Instant::now();
        assert_eq!(from.recv_timeout(secs(2)), Err(RecvTimeoutError::Timeout));
        assert!((secs(2)..secs(2) + ms(10)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        drop(to);
        assert_eq!(from.recv_timeout(secs(2)), Err(RecvTimeoutError::Disconnected));
        0
    });
}

fn once_initialisation_runs_once(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let (once, cell, times) = (Once::new(), OnceLock::new(), AtomicU32::new(0));
        let shared = RwLock::new(0);
        thread::scope(|scope| {
            for number in 0..4 {
                let (once, cell, times, shared) = (&once, &cell, &times, &shared);
                scope.spawn(move || {
                    once.call_once(|| {
                        thread::sleep(ms(20));
                        times.fetch_add(1, Ordering::Relaxed);
                    });
                    assert_eq!(times.load(Ordering::Relaxed), 1);
                    let winner = *cell.get_or_init(|| {
                        thread::sleep(ms(20));
                        number
                    });
                    assert_eq!(cell.get(), Some(&winner));
                    for _ in 0..10 {
                        let before = *shared.read().expect("nobody panics");
                        thread::yield_now();
                        let mut shared = shared.write().expect("nobody panics");
                        assert!(*shared >= before);
                        *shared += 1;
                    }
                });
            }
        });
        assert_eq!(*shared.read().expect("nobody panics"), 40);
        0
    });
}

struct Last(&'static str, Ledger<&'static str>);

impl Drop for Last {
    fn drop(&mut self) {
        self.1.note(self.0);
    }
}

fn thread_locals_are_dropped_with_their_thread(sim: &mut Sim) {
    thread_local! {
        static FIRST: RefCell<Option<Last>> = const { RefCell::new(None) };
        static SECOND: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    let ended = sim.ledger::<&'static str>("ended");
    sim.client_main("client", move |_| {
        let worker = thread::spawn(move || {
            FIRST.set(Some(Last("the first", ended)));
            SECOND.set(Some(Last("the second", ended)));
            assert!(ended.is_empty());
        });
        worker.join().expect("it does not panic");
        assert_eq!(ended.len(), 2);
        thread::spawn(|| assert!(FIRST.with_borrow(Option::is_none), "this thread has its own"))
            .join()
            .expect("it has");
        0
    });
}

fn a_join_returns_a_threads_result_or_its_panic(sim: &mut Sim) {
    sim.turn_off("no-silent-panic");
    let seen = sim.ledger::<&'static str>("seen");
    sim.client_main("client", move |_| {
        let builder = thread::Builder::new().name("worker".to_owned()).stack_size(128 * 1024);
        let worker = builder.spawn(|| thread::current().name().map(str::to_owned)).expect("the thread starts");
        if worker.join().ok().flatten().as_deref() == Some("worker") {
            seen.note("its name");
        }
        let broken = thread::spawn(|| panic!("for its joiner"));
        if broken.join().is_err_and(|panic| panic.downcast_ref() == Some(&"for its joiner")) {
            seen.note("its panic");
        }
        let poisoned = Arc::new(Mutex::new(()));
        let held = poisoned.clone();
        let _ = thread::spawn(move || {
            let _held = held.lock();
            panic!("with a lock in its hand");
        })
        .join();
        if poisoned.lock().is_err() {
            seen.note("its lock");
        }
        if thread::available_parallelism().is_ok_and(|processors| processors.get() == 4) {
            seen.note("its processors");
        }
        0
    });
    sim.eventually("all four are seen", secs(1), move |_| seen.len() == 4);
}

fn a_thousand_threads_start_and_end(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let mut sum = 0;
        for round in 0..20 {
            let threads: Vec<_> = (0..50).map(|index| thread::spawn(move || round * 50 + index)).collect();
            sum += threads.into_iter().map(|thread| thread.join().expect("none panics")).sum::<u64>();
        }
        assert_eq!(sum, 999 * 1_000 / 2);
        0
    });
}

fn tokio_timers_fire_in_order_and_on_time(sim: &mut Sim) {
    sim.client("client", |_| async {
        let begun = tokio::time::Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for delay in [500, 100, 300, 200, 400, 86_400_000] {
            tasks.spawn(async move {
                tokio::time::sleep(ms(delay)).await;
                delay
            });
        }
        for expected in [100, 200, 300, 400, 500] {
            assert_eq!(tasks.join_next().await.expect("five end")?, expected);
            // tokio's timers have whole milliseconds.
            assert!((ms(expected)..ms(expected + 8)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        }
        let late = tokio::time::timeout(secs(10), std::future::pending::<()>()).await;
        assert!(late.is_err());
        tasks.abort_all();
        assert!(tasks.join_next().await.is_some_and(|ended| ended.is_err_and(|error| error.is_cancelled())));
        Ok(())
    });
}
