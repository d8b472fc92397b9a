//! Group replication: a coordinator, and a thread for each writer hostgroup that checks the group's members.
//! The coordinator joins these threads when their configuration changes. At a shutdown it does not: #4542, #5256.

use super::build::Build;
use super::config::{GR_COORDINATOR, GR_HEALTHCHECK, GR_TIMEOUT, GR_TIMEOUTS_MAX, MONITOR_SLICE};
use super::hostgroups::Status;
use super::monitor::{Monitor, MonitorGlobals};
use super::threads;
use crate::line_protocol::QueryError;
use crate::line_protocol::blocking::Lines;
use afterlife_probe::{Resource, reached};
use std::collections::BTreeSet;
use std::fmt::Arguments;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// `max_writers`, of a group with one primary.
const WRITERS_MAX: usize = 1;

/// An entry of `threads_info`. The thread's start argument is a pointer into it.
struct MonThreadInfo {
    pthread: JoinHandle<()>,
}

/// The coordinator's local vector.
struct ThreadsInfo {
    lifetime: Arc<Resource>,
    threads: Vec<MonThreadInfo>,
}

impl ThreadsInfo {
    /// `create_group_replication_worker_threads`.
    fn create(globals: &MonitorGlobals, writer_hostgroups: BTreeSet<u32>) -> Self {
        let lifetime = Arc::new(Resource::open("threads_info"));
        let create = |writer_hostgroup: u32| {
            let (globals, argument) = (globals.clone(), Arc::clone(&lifetime));
            let routine = move || {
                argument.used_by(format_args!("group-replication thread {writer_hostgroup}"));
                drop(argument);
                monitor_gr_thread_hg(&globals, writer_hostgroup);
            };
            MonThreadInfo { pthread: threads::create(&format!("monitor-gr-{writer_hostgroup}"), routine) }
        };
        let threads = writer_hostgroups.into_iter().map(create).collect();
        Self { lifetime, threads }
    }

    fn join(&mut self) {
        for thread in self.threads.drain(..) {
            threads::join(thread.pthread);
        }
    }
}

impl Drop for ThreadsInfo {
    /// Frees the vector; the threads live on.
    fn drop(&mut self) {
        self.lifetime.close();
    }
}

/// `monitor_group_replication_2`: creates the threads, and recreates them whenever the watched servers change.
pub(super) fn coordinator(globals: &MonitorGlobals) {
    let monitor = globals.my_mon.get(format_args!("group-replication coordinator"));
    let mut last_raw_checksum = 0;
    let mut threads_info = ThreadsInfo::create(globals, BTreeSet::new());
    while !monitor.is_shutdown() {
        let new_raw_checksum = monitor.group_replication().raw_checksum();
        if new_raw_checksum != last_raw_checksum {
            last_raw_checksum = new_raw_checksum;
            threads_info.join();
            let writer_hostgroups = monitor.group_replication().writer_hostgroups();
            threads_info = ThreadsInfo::create(globals, writer_hostgroups);
        }
        thread::sleep(GR_COORDINATOR);
    }
    if globals.process.is_sound() {
        threads_info.join();
    }
}

/// A server of a group after a connection attempt: upstream's `MySQL_Monitor_State_Data`.
struct Mmsd {
    server: String,
    connection: io::Result<Lines>,
}

/// `monitor_GR_thread_HG`: the thread of one writer hostgroup.
fn monitor_gr_thread_hg(globals: &MonitorGlobals, writer_hostgroup: u32) {
    let by = format_args!("group-replication thread {writer_hostgroup}");
    if globals.mth.is_null() {
        return; // quick exit during shutdown
    }
    let (initial_raw_checksum, hosts_defs) = {
        let monitor = globals.my_mon.get(by);
        let hosts = monitor.group_replication();
        (hosts.raw_checksum(), hosts.servers_of(writer_hostgroup))
    };
    let mut next_check_time = Instant::now();
    let between = format_args!("group-replication thread {writer_hostgroup} between two rounds");
    while !globals.my_mon.get(between).is_shutdown() {
        if globals.mth.is_null() {
            break; // quick exit during shutdown
        }
        if globals.my_mon.get(between).group_replication().raw_checksum() != initial_raw_checksum {
            break;
        }
        let curtime = Instant::now();
        if curtime < next_check_time {
            thread::sleep((next_check_time - curtime).min(MONITOR_SLICE));
            continue;
        }
        next_check_time = curtime + GR_HEALTHCHECK;

        // From here on pool, map and definitions are in use.
        let in_use = globals.my_mon.borrow();
        let (failed, connected): (Vec<Mmsd>, Vec<Mmsd>) = init_mmsds_with_conn(globals, &hosts_defs, writer_hostgroup)
            .into_iter()
            .partition(|mmsd| mmsd.connection.is_err());
        // `19e4ac2e`: "just a best effort to avoid invalid memory accesses during SHUTDOWN SLOW".
        if globals.process.config().build != Build::Shipped && globals.my_mon.get(by).is_shutdown() {
            break;
        }
        for mmsd in &failed {
            async_gr_mon_actions_handler(globals, writer_hostgroup, by, &mmsd.server, Err(()));
        }
        for mmsd in connected {
            let Ok(mut lines) = mmsd.connection else { continue };
            let fetched = fetch(&mut lines);
            reached!("a member of the group has answered");
            let by = format_args!("group-replication thread {writer_hostgroup} after a fetch");
            if fetched.is_ok() {
                globals.my_mon.get(by).put_connection(&mmsd.server, lines);
            }
            async_gr_mon_actions_handler(globals, writer_hostgroup, by, &mmsd.server, fetched.map_err(drop));
        }
        drop(in_use);
    }
    globals.process.info(format_args!("Stopping Monitor thread for Group Replication writer HG {writer_hostgroup}"));
}

/// `init_mmsd_with_conn` for each pingable server, one after the other: up to a second for each unreachable one.
fn init_mmsds_with_conn(globals: &MonitorGlobals, hosts_defs: &[String], writer_hostgroup: u32) -> Vec<Mmsd> {
    let by = format_args!("group-replication thread {writer_hostgroup}");
    let mut mmsds = Vec::new();
    for server in hosts_defs {
        let monitor = globals.my_mon.get(by);
        if globals.process.is_sound() && monitor.is_shutdown() {
            break; // so that a join of this thread waits for one server at most
        }
        if monitor.is_pingable(server) {
            let connection = monitor.get_or_create_connection(server);
            mmsds.push(Mmsd { server: server.clone(), connection });
        }
    }
    mmsds
}

/// Asks a member for the writer that it knows of.
fn fetch(lines: &mut Lines) -> Result<Option<String>, QueryError> {
    let rows = lines.query("SELECT MEMBER_HOST FROM performance_schema.replication_group_members", GR_TIMEOUT)?.rows;
    Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()))
}

/// `async_gr_mon_actions_handler`: updates the map, then the hostgroups manager.
fn async_gr_mon_actions_handler(
    globals: &MonitorGlobals,
    writer_hostgroup: u32,
    by: Arguments<'_>,
    server: &str,
    fetched: Result<Option<String>, ()>,
) {
    let timeouts = gr_update_hosts_map(&globals.my_mon.get(by), server, fetched.is_ok());
    let my_hgm = globals.my_hgm.get(by);
    match fetched {
        Ok(Some(writer)) => set_writer(globals, writer_hostgroup, by, &writer),
        Ok(None) => my_hgm.update(server, Status::Online),
        Err(()) if timeouts >= GR_TIMEOUTS_MAX => my_hgm.update(server, Status::Shunned),
        Err(()) => {}
    }
}

/// `update_group_replication_set_writer`: "we lock only if needed". Another thread may hold the lock for as long as its disk takes;
/// this thread then goes on with the hostgroups manager, even if that was deleted in the meantime.
fn set_writer(globals: &MonitorGlobals, writer_hostgroup: u32, by: Arguments<'_>, writer: &str) {
    if globals.my_hgm.get(by).is_writer(writer_hostgroup, writer) {
        return;
    }
    let admin = globals.admin.get(by);
    let _servers = admin.lock_servers();
    let writers = globals.my_hgm.get(by).add_writer(writer_hostgroup, writer);
    // `converge_group_replication_config`.
    if writers > WRITERS_MAX {
        let version = globals.mth.get(by).version();
        globals.process.info(format_args!("moving writers of {writer_hostgroup}, {version} in use"));
        globals.my_hgm.get(by).keep_writer(writer_hostgroup, writer);
    }
}

/// `gr_update_hosts_map`: #4542 compared a freed key here.
fn gr_update_hosts_map(monitor: &Monitor, server: &str, answered: bool) -> u32 {
    monitor.group_replication().record(server, answered)
}
