//! The monitor, `GloMyMon`: a root thread, and a thread for each kind of check that it joins.
//! Group replication has threads that the root does not know of: see `group_replication.rs`.

use super::config::{Hostgroup, MONITOR_CONNECT, MONITOR_ROOT, MONITOR_SLICE, PING_FAILURES_MAX};
use super::glo::Glo;
use super::group_replication::{self, Hosts};
use super::hostgroups::Status;
use super::threads;
use crate::line_protocol::QueryError;
use crate::line_protocol::blocking::Lines;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What the root sleeps until there is a `GloMTH`, and once more after that.
const ROOT_WAITS: Duration = Duration::from_millis(50);
const ROOT_BEGINS: Duration = Duration::from_millis(100);
/// A pooled connection that nobody used for this long is closed, when the root comes by for the tenth time.
const IDLE_MAX: Duration = Duration::from_secs(20);
const PURGE_EVERY: u32 = 10;

/// `MySQL_Monitor`.
pub(super) struct Monitor {
    pub(super) shutdown: AtomicBool,
    /// `Group_Replication_Hosts_resultset` and `Group_Replication_Hosts_Map`, under `group_replication_mutex`.
    pub(super) group_replication: Mutex<Hosts>,
    servers: Vec<String>,
    /// `My_Conn_Pool`: idle connections by server, with when they were put there.
    pool: Mutex<BTreeMap<String, Vec<(Lines, Instant)>>>,
    ping_failures: Mutex<BTreeMap<String, u32>>,
    root: Mutex<Option<JoinHandle<()>>>,
}

/// A kind of check: its thread, what it asks, how often, and how long an answer may take.
struct Check {
    name: &'static str,
    asks: Option<&'static str>,
    interval: Duration,
    timeout: Duration,
}

const fn check(name: &'static str, asks: Option<&'static str>, interval_ms: u64, timeout_ms: u64) -> Check {
    Check { name, asks, interval: Duration::from_millis(interval_ms), timeout: Duration::from_millis(timeout_ms) }
}

const CONNECT: &str = "monitor-connect";
const PING: &str = "monitor-ping";

/// Upstream's intervals and timeouts. There is nothing to ask about Galera, Aurora and names here; their loops go round.
const CHECKS: [Check; 7] = [
    check("monitor-dns", None, 300_000, 0),
    check(CONNECT, None, 120_000, 600),
    check(PING, Some("PING"), 8_000, 1_000),
    check("monitor-read-only", Some("SELECT @@read_only"), 1_000, 800),
    check("monitor-galera", None, 5_000, 800),
    check("monitor-aurora", None, 5_000, 800),
    check("monitor-lag", Some("SHOW REPLICA STATUS"), 10_000, 1_000),
];

impl Monitor {
    pub(super) fn new(hostgroups: &[Hostgroup]) -> Self {
        let mut servers: Vec<String> = hostgroups.iter().flat_map(|group| group.servers.iter().cloned()).collect();
        servers.sort();
        servers.dedup();
        Self {
            shutdown: AtomicBool::new(false),
            group_replication: Mutex::new(Hosts::of(hostgroups)),
            servers,
            pool: Mutex::default(),
            ping_failures: Mutex::default(),
            root: Mutex::new(None),
        }
    }

    /// `MyMon_thread`.
    pub(super) fn start(&self, glo: &Arc<Glo>) {
        *lock(&self.root) = Some(threads::create(glo, "monitor", run));
    }

    /// `MyMon_thread->join()`.
    pub(super) fn join(&self) {
        let root = lock(&self.root).take();
        if let Some(root) = root {
            threads::join(root);
        }
    }

    pub(super) fn is_shutdown(&self) -> bool {
        self.shutdown.load(Ordering::SeqCst)
    }

    /// `find_resp_srvs`: whether pings of this server come back.
    pub(super) fn is_pingable(&self, server: &str) -> bool {
        lock(&self.ping_failures).get(server).is_none_or(|failures| *failures < PING_FAILURES_MAX)
    }

    /// A connection to this server: an idle one, or a new one, which may take the whole connect timeout.
    pub(super) fn get_or_create_connection(&self, server: &str) -> std::io::Result<Lines> {
        let idle = lock(&self.pool).get_mut(server).and_then(Vec::pop);
        match idle {
            Some((lines, _)) => Ok(lines),
            None => Lines::connect(server, MONITOR_CONNECT),
        }
    }

    /// `put_connection`.
    pub(super) fn put_connection(&self, server: &str, lines: Lines) {
        lock(&self.pool).entry(server.to_owned()).or_default().push((lines, Instant::now()));
    }

    fn purge_some_connections(&self) {
        for idle in lock(&self.pool).values_mut() {
            idle.retain(|(_, since)| since.elapsed() < IDLE_MAX);
        }
    }

    /// The destructor: maps and pools are freed.
    pub(super) fn destroy(&self) {
        lock(&self.pool).clear();
        lock(&self.ping_failures).clear();
        lock(&self.group_replication).clear();
    }

    fn ping_came_back(&self, server: &str, came_back: bool) -> u32 {
        let mut failures = lock(&self.ping_failures);
        let count = failures.entry(server.to_owned()).or_insert(0);
        *count = if came_back { 0 } else { *count + 1 };
        *count
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `MySQL_Monitor::run`: the root thread.
fn run(glo: &Arc<Glo>) {
    while glo.mth.is_null() {
        thread::sleep(ROOT_WAITS);
    }
    thread::sleep(ROOT_BEGINS);
    let mut children: Vec<JoinHandle<()>> =
        CHECKS.iter().map(|check| threads::create(glo, check.name, move |glo| check_loop(glo, check))).collect();
    children.push(threads::create(glo, "monitor-gr", group_replication::coordinator));
    let monitor = glo.my_mon.get(format_args!("monitor thread"));
    let mut rounds = 0_u32;
    while !monitor.is_shutdown() {
        rounds += 1;
        if rounds.is_multiple_of(PURGE_EVERY) {
            monitor.purge_some_connections();
        }
        thread::sleep(MONITOR_ROOT);
    }
    for child in children {
        threads::join(child);
    }
}

/// The loop of one kind of check.
fn check_loop(glo: &Arc<Glo>, check: &'static Check) {
    let monitor = glo.my_mon.get(format_args!("{}", check.name));
    let mut next = Instant::now();
    while !monitor.is_shutdown() {
        let now = Instant::now();
        if now < next {
            thread::sleep((next - now).min(MONITOR_SLICE));
            continue;
        }
        next = now + check.interval;
        for server in &monitor.servers {
            if monitor.is_shutdown() {
                break;
            }
            let came_back = match check.asks {
                Some(statement) => ask(&monitor, server, statement, check.timeout),
                None if check.name == CONNECT => Lines::connect(server, MONITOR_CONNECT).is_ok(),
                None => continue,
            };
            if check.name == PING {
                let failures = monitor.ping_came_back(server, came_back);
                let status = if failures < PING_FAILURES_MAX { Status::Online } else { Status::Shunned };
                glo.my_hgm.get(format_args!("{}", check.name)).update(server, status);
            }
        }
    }
}

/// Whether a server answers.
fn ask(monitor: &Monitor, server: &str, statement: &str, timeout: Duration) -> bool {
    let Ok(mut lines) = monitor.get_or_create_connection(server) else { return false };
    // A server that refuses a statement is there.
    let answered = matches!(lines.query(statement, timeout), Ok(_) | Err(QueryError::Failed(_)));
    if answered {
        monitor.put_connection(server, lines);
    }
    answered
}
