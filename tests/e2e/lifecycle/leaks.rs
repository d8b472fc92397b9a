//! Leaks of a stopped process are reported with the line that created them; resources that libraries keep are not.
//! The code under test has no probes: the services are stock tokio, axum, reqwest and std.

use crate::harness::{Module, Output, at, campaign, cli, replay, scenarios, trials};
use crate::time::secs;
use afterlife::{Fault, Injection, NodeId, Sim};
use axum::Router;
use axum::routing::get;
use std::fs::File;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::sleep;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        a_server_forgets_its_audit_log,
        a_server_waits_for_its_audit_log,
        a_server_asks_another,
        a_service_forgets_a_thread,
        a_service_joins_its_thread,
        a_guard_ends_its_thread,
        a_service_leaks_a_listener,
        a_service_holds_a_lock,
        a_service_leaves_by_itself,
        a_service_fails,
        a_service_drops_its_tasks,
        a_service_blocks,
        a_service_may_leave_what_it_likes,
    ];
    let trials = trials![
        a_task_that_survives_a_graceful_shutdown_is_a_leak_with_its_spawn_line,
        a_stock_server_that_stops_cleanly_leaks_nothing,
        pooled_connections_of_a_client_library_are_no_leak,
        an_unjoined_thread_is_a_leak_with_its_name_and_line,
        threads_that_end_are_no_leak,
        a_leaked_listener_is_reported_with_its_address,
        a_held_file_lock_is_a_leak_with_its_path,
        a_service_that_ends_by_itself_must_leak_nothing_either,
        an_unclean_death_may_leak,
        aborted_tasks_are_no_leak,
        blocking_work_is_waited_for_and_is_no_leak,
        the_invariant_can_be_turned_off,
        a_replay_in_a_fresh_process_reports_the_same_leak,
    ];
    Module::new(scenarios, trials)
}

/// A stop of the first node at 3 s.
fn stop() -> Vec<Injection> {
    vec![Injection { trigger: at(secs(3)), fault: Fault::stop(NodeId(0), secs(10), secs(1)) }]
}

fn reports(output: &Output, sentence: &str) {
    let page = output.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(output.code == 1 && page.starts_with("✗ leak"), "{}{}", output.out, output.err);
    assert!(page.contains(sentence), "no `{sentence}` in\n{}", output.out);
}

fn held(scenario: &str) {
    crate::harness::holds(scenario, &stop());
}

fn ask_for_a_while(sim: &mut Sim) {
    sim.client("client", |_| async {
        for _ in 0..8 {
            let _ = reqwest::get("http://server:8080/").await;
            sleep(secs(1)).await;
        }
        Ok(())
    });
}

// -- tasks

/// The line that spawns the forgotten task.
const FORGOTTEN: u32 = line!() + 6;

fn a_server_forgets_its_audit_log(sim: &mut Sim) {
    sim.node("server", |node| async move {
        let answer = || async {
            // The answer does not wait for the audit log.
            tokio::spawn(async {
                sleep(secs(20)).await;
                std::fs::write("/audit.log", "one more").expect("the disk has free space");
            });
            "done"
        };
        let listener = TcpListener::bind("0.0.0.0:8080").await?;
        axum::serve(listener, Router::new().route("/", get(answer))).with_graceful_shutdown(node.stopping()).await?;
        Ok(())
    });
    ask_for_a_while(sim);
}

fn a_task_that_survives_a_graceful_shutdown_is_a_leak_with_its_spawn_line() {
    let output = replay("a_server_forgets_its_audit_log", 0, stop());
    reports(&output, &format!("tasks, spawned at tests/e2e/lifecycle/leaks.rs:{FORGOTTEN}"));
    assert!(output.out.contains(&format!("leaks.rs:{FORGOTTEN}")), "the story names the line, too:\n{}", output.out);
}

fn a_server_waits_for_its_audit_log(sim: &mut Sim) {
    sim.node("server", |node| async move {
        let (log, mut lines) = tokio::sync::mpsc::unbounded_channel::<&str>();
        let writer = tokio::spawn(async move {
            while let Some(line) = lines.recv().await {
                sleep(Duration::from_millis(300)).await;
                tokio::fs::write("/audit.log", line).await.expect("the disk has free space");
            }
        });
        let answer = move || {
            let log = log.clone();
            async move {
                let _ = log.send("one more");
                "done"
            }
        };
        let listener = TcpListener::bind("0.0.0.0:8080").await?;
        axum::serve(listener, Router::new().route("/", get(answer))).with_graceful_shutdown(node.stopping()).await?;
        writer.await?;
        Ok(())
    });
    ask_for_a_while(sim);
}

fn a_stock_server_that_stops_cleanly_leaks_nothing() {
    held("a_server_waits_for_its_audit_log");
}

/// A service that is also a client. Its pool keeps connections, each with a task of the library.
fn a_server_asks_another(sim: &mut Sim) {
    sim.node("server", |node| async move {
        let client = reqwest::Client::new();
        let answer = move || {
            let client = client.clone();
            async move {
                let asked = client.get("http://other:8080/").send().await;
                asked.map(|answer| answer.status().as_u16()).unwrap_or(0).to_string()
            }
        };
        let listener = TcpListener::bind("0.0.0.0:8080").await?;
        axum::serve(listener, Router::new().route("/", get(answer))).with_graceful_shutdown(node.stopping()).await?;
        Ok(())
    });
    sim.node("other", |node| async move {
        let listener = TcpListener::bind("0.0.0.0:8080").await?;
        let app = Router::new().route("/", get(|| async { "other" }));
        axum::serve(listener, app).with_graceful_shutdown(node.stopping()).await?;
        Ok(())
    });
    ask_for_a_while(sim);
}

fn pooled_connections_of_a_client_library_are_no_leak() {
    held("a_server_asks_another");
}

fn a_service_drops_its_tasks(sim: &mut Sim) {
    sim.node("server", |node| async move {
        let mut set = tokio::task::JoinSet::new();
        set.spawn(sleep(secs(100)));
        let aborted = tokio::spawn(sleep(secs(100)));
        let ended = tokio::spawn(async {});
        node.stopping().await;
        aborted.abort();
        drop(set);
        drop(ended);
        Ok(())
    });
    sim.client_main("client", |_| {
        thread::sleep(secs(8));
        0
    });
}

fn aborted_tasks_are_no_leak() {
    held("a_service_drops_its_tasks");
}

fn a_service_blocks(sim: &mut Sim) {
    let server = sim.node("server", |node| async move {
        let busy = || {
            thread::sleep(secs(2));
            std::fs::write("/blocked", "done").expect("the disk has free space");
        };
        // Dropping the runtime waits for blocking tasks.
        let early = tokio::task::spawn_blocking(busy);
        node.stopping().await;
        drop(tokio::task::spawn_blocking(busy));
        drop(early);
        Ok(())
    });
    sim.client_main("client", |_| {
        thread::sleep(secs(8));
        0
    });
    sim.workers(server, 2);
}

fn blocking_work_is_waited_for_and_is_no_leak() {
    held("a_service_blocks");
}

// -- threads

const UNJOINED: u32 = line!() + 5;

fn a_service_forgets_a_thread(sim: &mut Sim) {
    sim.node("server", |node| async move {
        let (_keep, flushed) = mpsc::channel::<()>();
        thread::Builder::new().name("flusher".to_owned()).spawn(
            move || {
                while flushed.recv_timeout(secs(60)).is_err() {}
            },
        )?;
        node.stopping().await;
        std::mem::forget(_keep);
        Ok(())
    });
    sim.client_main("client", |_| {
        thread::sleep(secs(8));
        0
    });
}

fn an_unjoined_thread_is_a_leak_with_its_name_and_line() {
    let output = replay("a_service_forgets_a_thread", 0, stop());
    reports(&output, &format!("leaked a thread (flusher), spawned at tests/e2e/lifecycle/leaks.rs:{UNJOINED}"));
}

fn a_service_joins_its_thread(sim: &mut Sim) {
    sim.node("server", |node| async move {
        let (end, ended) = mpsc::channel::<()>();
        let flusher =
            thread::spawn(move || while ended.recv_timeout(secs(60)) == Err(mpsc::RecvTimeoutError::Timeout) {});
        node.stopping().await;
        drop(end);
        flusher.join().expect("it does not panic");
        Ok(())
    });
    sim.client_main("client", |_| {
        thread::sleep(secs(8));
        0
    });
}

/// Ends its thread as the guards of logging libraries do: waits for the last line, not for the thread.
struct Guard(mpsc::Sender<mpsc::Sender<()>>);

impl Guard {
    fn new() -> Self {
        let (line, lines) = mpsc::channel::<mpsc::Sender<()>>();
        thread::spawn(move || {
            if let Ok(flushed) = lines.recv() {
                let _ = std::fs::write("/log", "the last line");
                let _ = flushed.send(());
            }
        });
        Self(line)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let (flushed, done) = mpsc::channel();
        if self.0.send(flushed).is_ok() {
            let _ = done.recv_timeout(secs(1));
        }
    }
}

fn a_guard_ends_its_thread(sim: &mut Sim) {
    sim.node("server", |node| async move {
        let _guard = Guard::new();
        node.stopping().await;
        Ok(())
    });
    sim.client_main("client", |_| {
        thread::sleep(secs(8));
        0
    });
}

fn threads_that_end_are_no_leak() {
    held("a_service_joins_its_thread");
    for seed in 0..40 {
        let output = replay("a_guard_ends_its_thread", seed, stop());
        assert_eq!(output.code, 0, "seed {seed}:\n{}{}", output.out, output.err);
    }
}

// -- descriptors

const LEAKED: u32 = line!() + 4;

fn a_service_leaks_a_listener(sim: &mut Sim) {
    sim.node("server", |node| async move {
        let listener = std::net::TcpListener::bind("0.0.0.0:8080")?;
        std::mem::forget(listener);
        node.stopping().await;
        Ok(())
    });
    sim.client_main("client", |_| {
        thread::sleep(secs(8));
        0
    });
}

fn a_leaked_listener_is_reported_with_its_address() {
    let output = replay("a_service_leaks_a_listener", 0, stop());
    reports(&output, &format!("left a listener open (0.0.0.0:8080), made at tests/e2e/lifecycle/leaks.rs:{LEAKED}"));
}

static LOCK: Mutex<Option<File>> = Mutex::new(None);

const OPENED: u32 = line!() + 4;

fn a_service_holds_a_lock(sim: &mut Sim) {
    sim.node("server", |node| async move {
        let file = File::create("/lock")?;
        file.lock()?;
        *LOCK.lock().expect("nobody panics") = Some(file);
        node.stopping().await;
        Ok(())
    });
    sim.client_main("client", |_| {
        thread::sleep(secs(8));
        0
    });
}

fn a_held_file_lock_is_a_leak_with_its_path() {
    let output = replay("a_service_holds_a_lock", 0, stop());
    reports(&output, &format!("left a file locked (/lock), opened at tests/e2e/lifecycle/leaks.rs:{OPENED}"));
}

// -- when the invariant applies

fn leave(code: i32) -> impl Fn(afterlife::Node) -> i32 + Send + Sync {
    move |_| {
        thread::spawn(|| thread::sleep(secs(100)));
        thread::sleep(secs(1));
        code
    }
}

fn a_service_leaves_by_itself(sim: &mut Sim) {
    sim.node_main("server", leave(0));
    sim.client_main("client", |node| {
        thread::sleep(secs(1));
        leave(0)(node)
    });
}

fn a_service_that_ends_by_itself_must_leak_nothing_either() {
    let output = campaign("a_service_leaves_by_itself", "5");
    assert_eq!(output.code, 1, "{output:?}");
    let finding = output.finding();
    assert_eq!(finding["signature"], "nothing-left · thread · tests/e2e/lifecycle/leaks.rs");
    assert_eq!(finding["also"], serde_json::json!([]), "a client may leave what it likes");
}

fn a_service_fails(sim: &mut Sim) {
    sim.node_main("server", leave(1));
    sim.known_issue("no-unprovoked-exit", &["server"]);
    sim.client_main("client", leave(0));
}

fn an_unclean_death_may_leak() {
    let output = campaign("a_service_fails", "5");
    assert_eq!(output.code, 0, "{output:?}");
    let kill = Injection { trigger: at(secs(3)), fault: Fault::kill(NodeId(0), secs(1)) };
    crate::harness::holds("a_service_forgets_a_thread", &[kill]);
}

fn a_service_may_leave_what_it_likes(sim: &mut Sim) {
    sim.turn_off("nothing-left");
    a_service_forgets_a_thread(sim);
}

fn the_invariant_can_be_turned_off() {
    held("a_service_may_leave_what_it_likes");
}

fn a_replay_in_a_fresh_process_reports_the_same_leak() {
    let finding = campaign("a_service_leaves_by_itself", "1").finding();
    let token = finding["token"].as_str().expect("a token is text").to_owned();
    let again = cli(&["replay", &token]);
    reports(&again, finding["sentence"].as_str().expect("a sentence is text"));
}
