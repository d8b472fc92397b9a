//! Processes that do not stop, and deadlocks: the printed story names what each waits for, and the line at which it does.
//! The code under test is stock tokio, axum and std; it has no probes.

use crate::harness::{Module, campaign, cli, scenarios, trials};
use crate::time::secs;
use afterlife::{Fault, Group, NodeId, Sim, Supervisor, Trigger};
use axum::Router;
use axum::routing::get;
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{Notify, oneshot};
use tokio::time::sleep;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        a_long_poll_outlives_the_stop,
        two_threads_take_two_locks,
        a_sender_is_kept,
        a_joined_task_reads,
        a_thread_receives,
        a_stock_main_on_one_thread,
        a_stock_main_with_workers_waits,
        an_answer_never_comes,
        a_claim_waits_for_an_answer,
        time_is_up_while_a_client_waits,
        a_claim_is_open_at_the_end,
        a_pipe_stays_empty,
        a_service_has_ended,
        a_service_restarts_too_late,
    ];
    let trials = trials![
        a_stop_that_waits_for_a_connection_names_its_peer_and_the_handlers_line,
        a_deadlock_of_two_locks_names_both_lines,
        a_stop_that_waits_for_a_channel_names_the_line,
        a_stop_that_waits_for_a_task_names_the_line_at_which_the_task_reads,
        a_stop_that_waits_for_a_thread_names_the_line_at_which_the_thread_receives,
        a_future_that_the_program_blocks_on_is_main,
        a_run_with_a_hang_has_one_digest,
        a_client_that_never_ends_names_the_line_at_which_it_waits,
        a_run_whose_time_is_up_names_the_line_at_which_a_client_waits,
        a_thread_that_waits_for_a_pipe_says_so,
        a_node_that_is_down_is_named_with_its_end_and_its_restart,
    ];
    Module::new(scenarios, trials)
}

fn site(line: u32) -> String {
    format!("tests/e2e/failure/hangs.rs:{line}")
}

/// Asks node 0 to stop within 5 s.
fn stop(sim: &mut Sim) {
    sim.inject(Trigger::at(secs(4)), Fault::stop(NodeId(0), secs(5), secs(1)));
}

/// The page that a campaign of one run prints, on one line: texts are wrapped.
fn page(scenario: &str) -> String {
    let output = cli(&["run", scenario, "--seeds", "1", "--shrink", "0"]);
    assert_eq!(output.code, 1, "{output:?}");
    output.out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn names(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "`{text}` is not in\n{page}");
    }
}

// -- a connection

const POLLED: u32 = line!() + 7;
const SERVED: u32 = line!() + 11;

fn a_long_poll_outlives_the_stop(sim: &mut Sim) {
    sim.node("shop", |node| async move {
        let news = Arc::new(Notify::new());
        let poll = move || async move {
            news.notified().await;
            "news"
        };
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        let app = Router::new().route("/news", get(poll));
        axum::serve(listener, app).with_graceful_shutdown(node.stopping()).await?;
        Ok(())
    });
    let buyer = sim.client("buyer", |_| async {
        sleep(secs(1)).await;
        let _ = reqwest::get("http://shop/news").await;
        Ok(())
    });
    sim.may_fail(buyer);
    stop(sim);
}

fn a_stop_that_waits_for_a_connection_names_its_peer_and_the_handlers_line() {
    let page = page("a_long_poll_outlives_the_stop");
    names(&page, &[&format!("main waits in axum at {}", site(SERVED)), "holds a connection ← buyer, last used at 1.0"]);
    names(&page, &[&format!("task 2 last waited for a notification at {}, and now for a socket", site(POLLED))]);
    names(&page, &[&format!("{} last own await for a notification", site(POLLED))]);
    names(&page, &["is asked to stop", "by SIGKILL, budget exceeded"]);
}

// -- a client without a deadline

const ANSWERED: u32 = line!() + 14;

fn a_silent_store(sim: &mut Sim) {
    sim.node("store", |_| async {
        let listener = TcpListener::bind("0.0.0.0:80").await?;
        let (_buyer, _) = listener.accept().await?;
        loop {
            sleep(secs(1)).await;
        }
    });
    sim.client("buyer", |_| async {
        sleep(secs(1)).await;
        let mut store = TcpStream::connect("store:80").await?;
        store.write_all(b"?").await?;
        store.read_u8().await?;
        Ok(())
    });
}

fn an_answer_never_comes(sim: &mut Sim) {
    a_silent_store(sim);
    sim.bound("recovers", secs(9));
}

fn a_claim_waits_for_an_answer(sim: &mut Sim) {
    a_silent_store(sim);
    sim.eventually("the answer comes", secs(9), |_| false);
}

fn a_client_that_never_ends_names_the_line_at_which_it_waits() {
    let waits = format!("main waits for bytes to read at {}", site(ANSWERED));
    for (scenario, broken) in [
        ("an_answer_never_comes", "buyer had not ended 9 s after the last fault; "),
        ("a_claim_waits_for_an_answer", "the claim did not hold 9 s after the last fault: the answer comes; "),
    ] {
        let page = page(scenario);
        names(&page, &[&format!("{broken}{waits}"), "holds a connection → store"]);
    }
}

fn time_is_up_while_a_client_waits(sim: &mut Sim) {
    a_silent_store(sim);
    sim.time_limit(secs(5));
}

fn a_claim_is_open_at_the_end(sim: &mut Sim) {
    a_silent_store(sim);
    sim.turn_off("recovers");
    sim.time_limit(secs(5));
    sim.eventually("the answer comes", secs(9), |_| false);
}

fn a_run_whose_time_is_up_names_the_line_at_which_a_client_waits() {
    let waits = format!("main waits for bytes to read at {}", site(ANSWERED));
    for (scenario, broken) in [
        ("time_is_up_while_a_client_waits", "buyer had not ended after 5 s, although all faults were over; "),
        ("a_claim_is_open_at_the_end", "the claim did not hold at the end of the run: the answer comes; "),
    ] {
        names(&page(scenario), &[&format!("{broken}{waits}"), "holds a connection → store"]);
    }
}

// -- a pipe

fn a_pipe_stays_empty(sim: &mut Sim) {
    sim.client_main("reader", |_| {
        let (reader, _writer) = std::io::pipe().expect("there are descriptors left");
        let mut byte = 0_u8;
        // SAFETY: one byte of the array, through an open descriptor.
        unsafe { libc::read(std::os::fd::AsRawFd::as_raw_fd(&reader), (&raw mut byte).cast(), 1) as i32 }
    });
}

fn a_thread_that_waits_for_a_pipe_says_so() {
    names(&page("a_pipe_stays_empty"), &["reader never ends its work", "waits for a pipe", "hangs.rs:"]);
}

// -- a node that is down

/// A store that ends after two seconds, and a client that asks until it answers.
fn a_store_that_ends(sim: &mut Sim) -> Group {
    let store = sim.node("store", |_| async {
        let _listener = TcpListener::bind("0.0.0.0:80").await?;
        sleep(secs(2)).await;
        Ok(())
    });
    sim.client("buyer", |_| async {
        sleep(secs(3)).await;
        while TcpStream::connect("store:80").await.is_err() {
            sleep(secs(1)).await;
        }
        Ok(())
    });
    sim.turn_off("no-unprovoked-exit");
    sim.bound("recovers", secs(9));
    store
}

fn a_service_has_ended(sim: &mut Sim) {
    a_store_that_ends(sim);
}

fn a_service_restarts_too_late(sim: &mut Sim) {
    let store = a_store_that_ends(sim);
    sim.supervise(store, Supervisor::always().delay(secs(100)));
}

fn a_node_that_is_down_is_named_with_its_end_and_its_restart() {
    let ended = page("a_service_has_ended");
    names(&ended, &["buyer had not ended 9 s after the last fault; store is down, and no restart is due; main waits"]);
    names(&ended, &["2.001 store exits", "store is down, and no restart is due since 2.001 s"]);
    names(&page("a_service_restarts_too_late"), &["store is down, and restarts in "]);
}

// -- locks

const SECOND: u32 = line!() + 10;
const FIRST: u32 = line!() + 13;

fn two_threads_take_two_locks(sim: &mut Sim) {
    sim.client_main("bank", |_| {
        let (locks, both) = (Arc::new((Mutex::new(0), Mutex::new(0))), Arc::new(Barrier::new(2)));
        let (theirs, meet) = (locks.clone(), both.clone());
        let second = thread::spawn(move || {
            let _second = theirs.1.lock();
            meet.wait();
            drop(theirs.0.lock());
        });
        let _first = locks.0.lock();
        both.wait();
        drop(locks.1.lock());
        i32::from(second.join().is_err())
    });
}

fn a_deadlock_of_two_locks_names_both_lines() {
    let page = page("two_threads_take_two_locks");
    let main = format!("thread 0 (main) waits for a lock at {}", site(FIRST));
    let second = format!("thread 1 waits for a lock at {}", site(SECOND));
    names(&page, &["bank never ends its work", &main, &second, "no thread can run"]);
}

// -- channels and tasks

const SENT: u32 = line!() + 10;

fn a_sender_is_kept(sim: &mut Sim) {
    sim.node("store", |node| async move {
        let (done, flushed) = oneshot::channel::<()>();
        let _flusher = tokio::spawn(async move {
            sleep(secs(2_000)).await;
            let _ = done.send(());
        });
        node.stopping().await;
        flushed.await?;
        Ok(())
    });
    sim.client("client", |_| async {
        sleep(secs(20)).await;
        Ok(())
    });
    stop(sim);
}

fn a_stop_that_waits_for_a_channel_names_the_line() {
    let page = page("a_sender_is_kept");
    names(&page, &[&format!("main waits for a oneshot channel at {}", site(SENT))]);
    names(&page, &["waits for a timer", &site(SENT - 4)]);
}

const READ: u32 = line!() + 9;
const JOINED: u32 = line!() + 12;

fn a_joined_task_reads(sim: &mut Sim) {
    sim.node("sink", |node| async move {
        let listener = TcpListener::bind("0.0.0.0:7000").await?;
        let reader = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await?;
            let mut buffer = [0; 64];
            while stream.read(&mut buffer).await? > 0 {}
            std::io::Result::Ok(())
        });
        node.stopping().await;
        reader.await??;
        Ok(())
    });
    sim.client("source", |_| async {
        sleep(secs(1)).await;
        let mut stream = TcpStream::connect("sink:7000").await?;
        stream.write_all(b"hello").await?;
        sleep(secs(20)).await;
        Ok(())
    });
    stop(sim);
}

fn a_stop_that_waits_for_a_task_names_the_line_at_which_the_task_reads() {
    let page = page("a_joined_task_reads");
    names(&page, &[&format!("main waits for a task at {}", site(JOINED))]);
    names(&page, &[&format!("waits for bytes to read at {}", site(READ)), "holds a connection ← source"]);
}

// -- threads

const RECEIVED: u32 = line!() + 5;

fn a_thread_receives(sim: &mut Sim) {
    sim.node("server", |node| async move {
        let (jobs, queue) = mpsc::channel::<u64>();
        let worker = thread::Builder::new().name("worker".to_owned()).spawn(move || while queue.recv().is_ok() {})?;
        node.stopping().await;
        let ended = worker.join();
        drop(jobs);
        Ok(ended.map_err(|_| "the worker panicked")?)
    });
    sim.client("client", |_| async {
        sleep(secs(20)).await;
        Ok(())
    });
    stop(sim);
}

fn a_stop_that_waits_for_a_thread_names_the_line_at_which_the_thread_receives() {
    let page = page("a_thread_receives");
    names(&page, &[&format!("thread 1 (worker) waits for a channel at {}", site(RECEIVED))]);
    names(&page, &[&format!("thread 0 (main) waits for the end of thread 1 at {}", site(RECEIVED + 2))]);
}

const BLOCKED: u32 = line!() + 9;

/// The expansion of `#[tokio::main]`, which the harness cannot wrap. It handles no signal.
fn a_runtime_of_its_own(sim: &mut Sim, workers: usize) {
    sim.node_main("server", move |_| {
        let mut builder = if workers == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
        let runtime = builder.worker_threads(workers.max(1)).enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (_kept, never) = oneshot::channel::<()>();
            let _ = never.await;
        });
        0
    });
    sim.client("client", |_| async {
        sleep(secs(20)).await;
        Ok(())
    });
    stop(sim);
}

fn a_stock_main_on_one_thread(sim: &mut Sim) {
    a_runtime_of_its_own(sim, 0);
}

fn a_stock_main_with_workers_waits(sim: &mut Sim) {
    a_runtime_of_its_own(sim, 2);
}

fn a_future_that_the_program_blocks_on_is_main() {
    for scenario in ["a_stock_main_on_one_thread", "a_stock_main_with_workers_waits"] {
        names(&page(scenario), &[&format!("main waits for a oneshot channel at {}", site(BLOCKED))]);
    }
}

fn a_run_with_a_hang_has_one_digest() {
    for scenario in ["a_long_poll_outlives_the_stop", "two_threads_take_two_locks", "a_joined_task_reads"] {
        let output = cli(&["check", scenario, "--pairs", "3"]);
        assert_eq!(output.code, 0, "{output:?}");
        let finding = campaign(scenario, "1").finding();
        assert!(finding["stacks"].as_array().is_some_and(|stacks| !stacks.is_empty()), "{finding}");
    }
}
