//! The monitor's threads: the root, and a thread for each kind of check, which the root joins.
//! The group-replication coordinator is among them; the threads that it starts are not.

use super::config::{MONITOR_CONNECT, MONITOR_ROOT, MONITOR_SLICE, PING_FAILURES_MAX};
use super::group_replication;
use super::hostgroups::Status;
use super::monitor::{Monitor, MonitorGlobals};
use super::threads;
use crate::line_protocol::QueryError;
use crate::line_protocol::blocking::Lines;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The root's pauses: while there is no `GloMTH`, and once more after that.
const ROOT_WAITS: Duration = Duration::from_millis(50);
const ROOT_BEGINS: Duration = Duration::from_millis(100);
/// The number of the root's rounds between two purges of the pool.
const PURGE_EVERY: u32 = 10;

/// A kind of check: its thread, its statement, its interval, and the timeout of an answer.
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

/// Upstream's checks. Galera, Aurora and DNS have nothing to check here; their loops only run.
const CHECKS: [Check; 7] = [
    check("monitor-dns", None, 300_000, 0),
    check(CONNECT, None, 120_000, 600),
    check(PING, Some("PING"), 8_000, 1_000),
    check("monitor-read-only", Some("SELECT @@read_only"), 1_000, 800),
    check("monitor-galera", None, 5_000, 800),
    check("monitor-aurora", None, 5_000, 800),
    check("monitor-lag", Some("SHOW REPLICA STATUS"), 10_000, 1_000),
];

/// Starts the root thread, `MyMon_thread`.
pub(super) fn start(globals: &MonitorGlobals, monitor: &Monitor) {
    let globals = globals.clone();
    monitor.keep_root(threads::create("monitor", move || run(&globals)));
}

/// `MySQL_Monitor::run`: the root thread.
fn run(globals: &MonitorGlobals) {
    while globals.mth.is_null() {
        thread::sleep(ROOT_WAITS);
    }
    thread::sleep(ROOT_BEGINS);
    let mut children: Vec<JoinHandle<()>> = CHECKS
        .iter()
        .map(|check| {
            let globals = globals.clone();
            threads::create(check.name, move || check_loop(&globals, check))
        })
        .collect();
    let of_coordinator = globals.clone();
    children.push(threads::create("monitor-gr", move || group_replication::coordinator(&of_coordinator)));
    let monitor = globals.my_mon.get(format_args!("monitor thread"));
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
fn check_loop(globals: &MonitorGlobals, check: &'static Check) {
    let monitor = globals.my_mon.get(format_args!("{}", check.name));
    let mut next = Instant::now();
    while !monitor.is_shutdown() {
        let now = Instant::now();
        if now < next {
            thread::sleep((next - now).min(MONITOR_SLICE));
            continue;
        }
        next = now + check.interval;
        for server in monitor.servers() {
            if monitor.is_shutdown() {
                break;
            }
            let answered = match check.asks {
                Some(statement) => ask(&monitor, server, statement, check.timeout),
                None if check.name == CONNECT => Lines::connect(server, MONITOR_CONNECT).is_ok(),
                None => continue,
            };
            if check.name == PING {
                let failures = monitor.record_ping(server, answered);
                let status = if failures < PING_FAILURES_MAX { Status::Online } else { Status::Shunned };
                globals.my_hgm.get(format_args!("{}", check.name)).update(server, status);
            }
        }
    }
}

/// Returns `true` if a server answers.
fn ask(monitor: &Monitor, server: &str, statement: &str, timeout: Duration) -> bool {
    let Ok(mut lines) = monitor.get_or_create_connection(server) else { return false };
    // A server that refuses a statement is up.
    let answered = matches!(lines.query(statement, timeout), Ok(_) | Err(QueryError::Failed(_)));
    if answered {
        monitor.put_connection(server, lines);
    }
    answered
}
