//! Five patterns of real systems that look like defects and are not. Under faults, none of them may be reported.
//! The test runs 200 seeds of each; the whole campaign is `AFTERLIFE_SEEDS=2000 cargo test --release --test e2e unreported`.

use super::pairs::coordinator::a_late_status_finds_no_coordinator;
use super::pairs::loader::a_ballot_changes_and_no_role;
use crate::harness::{Module, campaign, scenarios, trial};
use crate::reach::connect;
use crate::time::{ms, short};
use afterlife::{Faults, Node, NodeResult, Sim, Supervisor, probe};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Seeds of each scenario, unless `AFTERLIFE_SEEDS` is set.
const RUNS: &str = "200";

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        a_queued_task_is_cancelled,
        a_late_status_finds_no_coordinator,
        a_ballot_changes_and_no_role,
        a_restart_finds_no_started_job,
        a_proxy_leaves_on_the_spot,
    ];
    let names = [
        "a_queued_task_is_cancelled",
        "a_late_status_finds_no_coordinator",
        "a_ballot_changes_and_no_role",
        "a_restart_finds_no_started_job",
        "a_proxy_leaves_on_the_spot",
    ];
    let path = |name| format!("{}::{name}_and_is_not_reported", module_path!());
    let trials = names.map(|name| trial(&path(name), move || is_not_reported(name)));
    Module::new(scenarios, trials.into())
}

/// Its `sometimes` claims hold too, so the pattern did occur.
fn is_not_reported(scenario: &str) {
    let runs = std::env::var("AFTERLIFE_SEEDS").unwrap_or_else(|_| RUNS.to_owned());
    let output = campaign(scenario, &runs);
    let whole = output.summary()["runs"] == serde_json::json!(runs.parse::<u64>().unwrap_or_default());
    assert!(output.code == 0 && output.findings().is_empty() && whole, "{scenario}, {runs} runs: {output:?}");
}

// -- Pegasus: a file task that is cancelled before it started needs no wait

struct Download {
    task: probe::TaskHandle,
    began: Arc<AtomicBool>,
    running: JoinHandle<()>,
}

struct Replica {
    places: Arc<Semaphore>,
    downloads: Mutex<Option<(probe::Scope, Vec<Download>)>>,
}

impl Replica {
    /// Cancels queued tasks without waiting, and awaits running ones.
    async fn clear(&self) {
        let round = self.downloads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((scope, downloads)) = round else { return };
        let mut running = Vec::new();
        for download in downloads {
            download.task.cancel();
            if download.began.load(Ordering::Relaxed) {
                running.push(download.running);
            } else {
                probe::reached!("a queued task is cancelled");
                download.running.abort();
            }
        }
        for task in running {
            let _ended = task.await;
        }
        scope.joined();
    }

    async fn begin(&self) {
        self.clear().await;
        let scope = probe::Scope::new("downloads");
        let files = (0..6).map(|file| {
            let mut task = scope.task("file");
            let (places, began) = (self.places.clone(), Arc::new(AtomicBool::new(false)));
            let (handle, begins) = (task.handle(), began.clone());
            let running = tokio::spawn(async move {
                let Ok(_place) = places.acquire().await else { return };
                begins.store(true, Ordering::Relaxed);
                task.run();
                let _fetched = tokio::fs::write(format!("/file-{file}"), b"content").await;
                sleep(ms(15)).await;
            });
            Download { task: handle, began, running }
        });
        let files = files.collect();
        *self.downloads.lock().unwrap_or_else(PoisonError::into_inner) = Some((scope, files));
    }
}

fn a_queued_task_is_cancelled(sim: &mut Sim) {
    sim.latency(ms(1), ms(10));
    let replicas = sim.nodes("replica", 2, |node| async move {
        let replica = Replica { places: Arc::new(Semaphore::new(2)), downloads: Mutex::default() };
        let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
        let stopping = node.stopping();
        tokio::pin!(stopping);
        loop {
            // Work that has begun completes; only the wait for a ballot is cancelled.
            let _ballot = tokio::select! { ballot = listener.accept() => ballot?, () = &mut stopping => break };
            replica.begin().await;
        }
        replica.clear().await;
        // The runtime drops an aborted task at its next turn.
        tokio::task::yield_now().await;
        Ok(())
    });
    sim.client("meta", |node| async move {
        let mut rng = node.rng();
        for ballot in 0..16 {
            if let Ok(mut stream) = tokio::net::TcpStream::connect(format!("replica-{}:7000", ballot % 2)).await {
                let _lost = stream.write_u8(ballot).await;
            }
            sleep(short(&mut rng, 60)).await;
        }
        Ok(())
    });
    let faults = Faults::lifecycle().pauses(ms(10), ms(100)).slow_disks(ms(5), ms(50), ms(200));
    sim.faults(replicas, faults.starting_at(ms(20)).quiet_after(ms(500)).downtime(ms(5), ms(50)));
}

// -- Vitess: a map that does not exist is harmless as long as nobody writes to it

/// The statistics of an engine, created at their first update, after the jobs that a restart found have started.
async fn open(stats: &probe::Resource, found: usize) {
    for _ in 0..found {
        stats.used();
    }
    sleep(ms(2)).await;
    stats.opened();
}

fn jobs(state: &str) -> usize {
    let states = std::fs::read_dir("/jobs").into_iter().flatten().filter_map(Result::ok);
    states.filter(|entry| std::fs::read_to_string(entry.path()).is_ok_and(|text| text == state)).count()
}

async fn tablet(_: Node) -> NodeResult {
    std::fs::create_dir_all("/jobs")?;
    let stats = probe::Resource::declare("stats");
    let started = jobs("started");
    probe::sometimes!(started == 0 && jobs("done") > 0, "a restart finds jobs, and none that has started");
    open(&stats, started).await;
    let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let path = format!("/jobs/{}", jobs("done"));
        std::fs::write(&path, "started")?;
        stats.used();
        sleep(ms(2)).await;
        std::fs::write(&path, "done")?;
        stream.write_u8(1).await?;
    }
}

fn a_restart_finds_no_started_job(sim: &mut Sim) {
    sim.latency(ms(1), ms(5));
    let tablet = sim.node("tablet", tablet);
    sim.supervise(tablet, Supervisor::on_failure().delay(ms(50)));
    let done = sim.ledger::<u64>("done");
    sim.client("operator", move |_| async move {
        // Jobs run before and after the faults.
        for job in 0..6 {
            if job == 3 {
                sleep(ms(1_500)).await;
            }
            let mut stream = crate::reach::reach("tablet:7000").await;
            tokio::io::AsyncReadExt::read_u8(&mut stream).await?;
            done.note(job);
        }
        Ok(())
    });
    sim.eventually("every job is done", Duration::from_secs(30), move |_| done.len() == 6);
    let faults = Faults::none().kills().at_most(8).starting_at(ms(200)).quiet_after(ms(1_200));
    sim.faults(tablet, faults.downtime(ms(5), ms(50)));
}

// -- ProxySQL: TERM ends the release build at once, whatever its threads are doing

extern "C" fn leave(_: libc::c_int) {
    // SAFETY: the process of a node ends here, as its code wants it to.
    unsafe { libc::exit(libc::EXIT_SUCCESS) }
}

fn proxy(_: Node) -> i32 {
    // SAFETY: a handler that only exits.
    unsafe { libc::signal(libc::SIGTERM, leave as extern "C" fn(libc::c_int) as libc::sighandler_t) };
    let monitor = Arc::new(probe::Resource::open("monitor"));
    let watched = monitor.clone();
    thread::spawn(move || {
        loop {
            let _held = watched.borrow();
            probe::reached!("the monitor is at work");
            if let Ok(mut backend) = std::net::TcpStream::connect("backend:3306") {
                let _lost = backend.write_all(&[1]).and_then(|()| backend.read_exact(&mut [0]));
            }
            thread::sleep(ms(20));
        }
    });
    let scope = probe::Scope::new("sessions");
    let listener = TcpListener::bind("0.0.0.0:6033").expect("the port is free");
    for mut session in listener.incoming().map_while(Result::ok) {
        let mut task = scope.task("session");
        thread::spawn(move || {
            task.run();
            while session.read_exact(&mut [0]).is_ok() && session.write_all(&[1]).is_ok() {}
        });
    }
    1
}

fn a_proxy_leaves_on_the_spot(sim: &mut Sim) {
    sim.latency(ms(1), ms(10));
    let backend = sim.node_main("backend", |_| {
        let listener = TcpListener::bind("0.0.0.0:3306").expect("the port is free");
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _lost = stream.read_exact(&mut [0]).and_then(|()| stream.write_all(&[1]));
        }
        1
    });
    let proxies = sim.node_main("proxy", proxy);
    sim.client_main("client", |_| {
        for _ in 0..10 {
            let mut session = connect("proxy:6033");
            for _ in 0..5 {
                if session.write_all(&[1]).and_then(|()| session.read_exact(&mut [0])).is_err() {
                    break;
                }
                thread::sleep(ms(10));
            }
        }
        0
    });
    sim.sometimes("the proxy restarts", |view| view.restarts() > 0);
    let window = |faults: Faults| faults.starting_at(ms(20)).quiet_after(ms(800)).downtime(ms(5), ms(50));
    sim.faults(backend, window(Faults::none().kills().pauses(ms(10), ms(100))));
    sim.faults(proxies, window(Faults::none().stops(ms(500))));
}
