//! What a stopped process leaves behind is told with the line that made it, and what libraries keep for themselves is not.
//! Nothing here annotates anything: the services are stock tokio, axum, reqwest and std.

use crate::harness::{Module, Said, at, carry_out, command, replay, run, scenarios, trials};
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
        a_task_that_a_graceful_shutdown_forgets_is_told_with_the_line_that_spawned_it,
        a_stock_server_that_stops_in_order_is_not_told,
        connections_that_a_client_library_keeps_are_its_own_business,
        a_thread_that_nobody_joined_is_told_with_its_name_and_line,
        threads_that_end_are_not,
        a_listener_that_is_leaked_is_told_with_its_address,
        a_lock_that_is_held_is_told_with_its_file,
        a_service_that_leaves_by_itself_is_held_to_it_too,
        a_death_that_is_not_in_order_leaves_what_it_likes,
        tasks_that_were_told_to_end_are_not_left,
        what_blocks_is_waited_for_and_is_not_left,
        it_can_be_turned_off,
        a_replay_in_a_fresh_process_says_the_same,
    ];
    Module::new(scenarios, trials)
}

/// A stop of the first node after 3 s.
fn stop() -> Vec<Injection> {
    vec![Injection { trigger: at(secs(3)), fault: Fault::stop(NodeId(0), secs(10), secs(1)) }]
}

fn told(said: &Said, sentence: &str) {
    let page = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.code == 1 && page.starts_with("✗ nothing left"), "{}{}", said.out, said.err);
    assert!(page.contains(sentence), "no `{sentence}` in\n{}", said.out);
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

/// The line that spawns what the shutdown forgets.
const FORGOTTEN: u32 = line!() + 6;

fn a_server_forgets_its_audit_log(sim: &mut Sim) {
    sim.node("server", |node| async move {
        let answer = || async {
            // The answer need not wait for the audit log.
            tokio::spawn(async {
                sleep(secs(20)).await;
                std::fs::write("/audit.log", "one more").expect("the disk has room");
            });
            "done"
        };
        let listener = TcpListener::bind("0.0.0.0:8080").await?;
        axum::serve(listener, Router::new().route("/", get(answer))).with_graceful_shutdown(node.stopping()).await?;
        Ok(())
    });
    ask_for_a_while(sim);
}

fn a_task_that_a_graceful_shutdown_forgets_is_told_with_the_line_that_spawned_it() {
    let said = replay("a_server_forgets_its_audit_log", 0, stop());
    told(&said, &format!("tasks behind, spawned at tests/e2e/lifecycle/leaks.rs:{FORGOTTEN}"));
    assert!(said.out.contains(&format!("leaks.rs:{FORGOTTEN}")), "the story names the line, too:\n{}", said.out);
}

fn a_server_waits_for_its_audit_log(sim: &mut Sim) {
    sim.node("server", |node| async move {
        let (log, mut lines) = tokio::sync::mpsc::unbounded_channel::<&str>();
        let writer = tokio::spawn(async move {
            while let Some(line) = lines.recv().await {
                sleep(Duration::from_millis(300)).await;
                tokio::fs::write("/audit.log", line).await.expect("the disk has room");
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

fn a_stock_server_that_stops_in_order_is_not_told() {
    held("a_server_waits_for_its_audit_log");
}

/// A service that is a client as well: its pool keeps connections, each with a task of the library's.
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

fn connections_that_a_client_library_keeps_are_its_own_business() {
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
    sim.client_program("client", |_| {
        thread::sleep(secs(8));
        0
    });
}

fn tasks_that_were_told_to_end_are_not_left() {
    held("a_service_drops_its_tasks");
}

fn a_service_blocks(sim: &mut Sim) {
    sim.workers(2);
    sim.node("server", |node| async move {
        let busy = || {
            thread::sleep(secs(2));
            std::fs::write("/blocked", "done").expect("the disk has room");
        };
        // What blocks is waited for when the runtime is dropped.
        let early = tokio::task::spawn_blocking(busy);
        node.stopping().await;
        drop(tokio::task::spawn_blocking(busy));
        drop(early);
        Ok(())
    });
    sim.client_program("client", |_| {
        thread::sleep(secs(8));
        0
    });
}

fn what_blocks_is_waited_for_and_is_not_left() {
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
    sim.client_program("client", |_| {
        thread::sleep(secs(8));
        0
    });
}

fn a_thread_that_nobody_joined_is_told_with_its_name_and_line() {
    let said = replay("a_service_forgets_a_thread", 0, stop());
    told(&said, &format!("left a thread behind (flusher), spawned at tests/e2e/lifecycle/leaks.rs:{UNJOINED}"));
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
    sim.client_program("client", |_| {
        thread::sleep(secs(8));
        0
    });
}

/// Ends its thread as the guards of logging libraries do: it waits for the last line, not for the thread.
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
    sim.client_program("client", |_| {
        thread::sleep(secs(8));
        0
    });
}

fn threads_that_end_are_not() {
    held("a_service_joins_its_thread");
    for seed in 0..40 {
        let said = replay("a_guard_ends_its_thread", seed, stop());
        assert_eq!(said.code, 0, "seed {seed}:\n{}{}", said.out, said.err);
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
    sim.client_program("client", |_| {
        thread::sleep(secs(8));
        0
    });
}

fn a_listener_that_is_leaked_is_told_with_its_address() {
    let said = replay("a_service_leaks_a_listener", 0, stop());
    told(&said, &format!("left a listener open (0.0.0.0:8080), made at tests/e2e/lifecycle/leaks.rs:{LEAKED}"));
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
    sim.client_program("client", |_| {
        thread::sleep(secs(8));
        0
    });
}

fn a_lock_that_is_held_is_told_with_its_file() {
    let said = replay("a_service_holds_a_lock", 0, stop());
    told(&said, &format!("left a file locked (/lock), opened at tests/e2e/lifecycle/leaks.rs:{OPENED}"));
}

// -- when it counts

fn leave(code: i32) -> impl Fn(afterlife::Node) -> i32 + Send + Sync {
    move |_| {
        thread::spawn(|| thread::sleep(secs(100)));
        thread::sleep(secs(1));
        code
    }
}

fn a_service_leaves_by_itself(sim: &mut Sim) {
    sim.program("server", leave(0));
    sim.client_program("client", |node| {
        thread::sleep(secs(1));
        leave(0)(node)
    });
}

fn a_service_that_leaves_by_itself_is_held_to_it_too() {
    let said = run("a_service_leaves_by_itself", "5");
    assert_eq!(said.code, 1, "{said:?}");
    let finding = said.finding();
    assert_eq!(finding["signature"], "nothing-left · thread · tests/e2e/lifecycle/leaks.rs");
    assert_eq!(finding["also"], serde_json::json!([]), "a client may leave what it likes");
}

fn a_service_fails(sim: &mut Sim) {
    sim.program("server", leave(1));
    sim.client_program("client", leave(0));
}

fn a_death_that_is_not_in_order_leaves_what_it_likes() {
    let said = run("a_service_fails", "5");
    assert_eq!(said.code, 0, "{said:?}");
    let kill = Injection { trigger: at(secs(3)), fault: Fault::kill(NodeId(0), secs(1)) };
    crate::harness::holds("a_service_forgets_a_thread", &[kill]);
}

fn a_service_may_leave_what_it_likes(sim: &mut Sim) {
    sim.without("nothing-left");
    a_service_forgets_a_thread(sim);
}

fn it_can_be_turned_off() {
    held("a_service_may_leave_what_it_likes");
}

fn a_replay_in_a_fresh_process_says_the_same() {
    let finding = run("a_service_leaves_by_itself", "1").finding();
    let token = finding["token"].as_str().expect("a token is text").to_owned();
    let again = carry_out(&mut command(&["replay", &token]));
    told(&again, finding["sentence"].as_str().expect("a sentence is text"));
}
