//! Group replication: a coordinator, and a thread for each writer hostgroup that asks the group's members how they are.
//! The coordinator joins those threads when their configuration changes. At a shutdown it does not: #4542, #5256.

use super::build::Build;
use super::checksums::checksum;
use super::config::{GR_COORDINATOR, GR_HEALTHCHECK, GR_TIMEOUT, GR_TIMEOUTS_MAX, Hostgroup, MONITOR_SLICE};
use super::glo::Glo;
use super::hostgroups::Status;
use super::monitor::Monitor;
use super::threads;
use crate::line_protocol::QueryError;
use crate::line_protocol::blocking::Lines;
use afterlife_probe::{Resource, reached};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;
use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// `max_writers`, of a group with one primary.
const WRITERS_MAX: usize = 1;

/// What is to be watched, and what is known of it.
pub(super) struct Hosts {
    /// `Group_Replication_Hosts_resultset`: writer hostgroup and "host:port".
    resultset: Vec<(u32, String)>,
    /// `Group_Replication_Hosts_Map`, by "host:port".
    map: BTreeMap<String, Host>,
}

/// What the last checks of one server said.
#[derive(Clone, Copy, Debug, Default)]
struct Host {
    timeouts: u32,
    checks: u64,
}

impl Hosts {
    pub(super) fn of(hostgroups: &[Hostgroup]) -> Self {
        let watched = hostgroups.iter().filter(|group| group.group_replication);
        let resultset: Vec<(u32, String)> =
            watched.flat_map(|group| group.servers.iter().map(|server| (group.writer, server.clone()))).collect();
        let map = resultset.iter().map(|(_, server)| (server.clone(), Host::default())).collect();
        Self { resultset, map }
    }

    /// `raw_checksum`.
    fn raw_checksum(&self) -> u64 {
        let rows: Vec<Vec<String>> =
            self.resultset.iter().map(|(writer, server)| vec![writer.to_string(), server.clone()]).collect();
        checksum(&rows)
    }

    pub(super) fn clear(&mut self) {
        self.map.clear();
    }
}

fn hosts(monitor: &Monitor) -> MutexGuard<'_, Hosts> {
    monitor.group_replication.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `threads_info` has of each thread. The thread's start argument is a pointer into it.
struct MonThreadInfo {
    pthread: JoinHandle<()>,
}

/// The coordinator's local vector.
struct ThreadsInfo {
    life: Arc<Resource>,
    threads: Vec<MonThreadInfo>,
}

impl ThreadsInfo {
    /// `create_group_replication_worker_threads`.
    fn create(glo: &Arc<Glo>, writer_hostgroups: BTreeSet<u32>) -> Self {
        let life = Arc::new(Resource::open("threads_info"));
        let create = |writer_hostgroup: u32| {
            let argument = Arc::clone(&life);
            let routine = move |glo: &Arc<Glo>| {
                argument.used_by(format_args!("group-replication thread {writer_hostgroup}"));
                drop(argument);
                monitor_gr_thread_hg(glo, writer_hostgroup);
            };
            MonThreadInfo { pthread: threads::create(glo, &format!("monitor-gr-{writer_hostgroup}"), routine) }
        };
        let threads = writer_hostgroups.into_iter().map(create).collect();
        Self { life, threads }
    }

    fn join(&mut self) {
        for thread in self.threads.drain(..) {
            threads::join(thread.pthread);
        }
    }
}

impl Drop for ThreadsInfo {
    /// The vector goes; the threads do not.
    fn drop(&mut self) {
        self.life.close();
    }
}

/// `monitor_group_replication_2`: creates the threads, anew whenever what is to be watched is another.
pub(super) fn coordinator(glo: &Arc<Glo>) {
    let monitor = glo.my_mon.get(format_args!("group-replication coordinator"));
    let mut last_raw_checksum = 0;
    let mut threads_info = ThreadsInfo::create(glo, BTreeSet::new());
    while !monitor.is_shutdown() {
        let new_raw_checksum = hosts(&monitor).raw_checksum();
        if new_raw_checksum != last_raw_checksum {
            last_raw_checksum = new_raw_checksum;
            threads_info.join();
            let writer_hostgroups = hosts(&monitor).resultset.iter().map(|(writer, _)| *writer).collect();
            threads_info = ThreadsInfo::create(glo, writer_hostgroups);
        }
        thread::sleep(GR_COORDINATOR);
    }
    if glo.is_sound() {
        threads_info.join();
    }
}

/// A server of a group, once it was tried to connect to it: upstream's `MySQL_Monitor_State_Data`.
struct Mmsd {
    server: String,
    connection: io::Result<Lines>,
}

/// `monitor_GR_thread_HG`: the thread of one writer hostgroup.
fn monitor_gr_thread_hg(glo: &Arc<Glo>, writer_hostgroup: u32) {
    let by = format_args!("group-replication thread {writer_hostgroup}");
    if glo.mth.is_null() {
        return; // quick exit during shutdown
    }
    let (initial_raw_checksum, hosts_defs) = {
        let monitor = glo.my_mon.get(by);
        let hosts = hosts(&monitor);
        let of_group = hosts.resultset.iter().filter(|(writer, _)| *writer == writer_hostgroup);
        (hosts.raw_checksum(), of_group.map(|(_, server)| server.clone()).collect::<Vec<_>>())
    };
    let mut next_check_time = Instant::now();
    let between = format_args!("group-replication thread {writer_hostgroup} between two rounds");
    while !glo.my_mon.get(between).is_shutdown() {
        if glo.mth.is_null() {
            break; // quick exit during shutdown
        }
        if hosts(&glo.my_mon.get(between)).raw_checksum() != initial_raw_checksum {
            break;
        }
        let curtime = Instant::now();
        if curtime < next_check_time {
            thread::sleep((next_check_time - curtime).min(MONITOR_SLICE));
            continue;
        }
        next_check_time = curtime + GR_HEALTHCHECK;

        // From here on pool, map and definitions are in use.
        let in_use = glo.my_mon.borrow();
        let (failed, connected): (Vec<Mmsd>, Vec<Mmsd>) = init_mmsds_with_conn(glo, &hosts_defs, writer_hostgroup)
            .into_iter()
            .partition(|mmsd| mmsd.connection.is_err());
        // `19e4ac2e`: "just a best effort to avoid invalid memory accesses during SHUTDOWN SLOW".
        if glo.config.build != Build::Shipped && glo.my_mon.get(by).is_shutdown() {
            break;
        }
        for mmsd in &failed {
            async_gr_mon_actions_handler(glo, writer_hostgroup, by, &mmsd.server, Err(()));
        }
        for mmsd in connected {
            let Ok(mut lines) = mmsd.connection else { continue };
            let fetched = fetch(&mut lines);
            reached!("a member of the group has answered");
            let by = format_args!("group-replication thread {writer_hostgroup} after a fetch");
            if fetched.is_ok() {
                glo.my_mon.get(by).put_connection(&mmsd.server, lines);
            }
            async_gr_mon_actions_handler(glo, writer_hostgroup, by, &mmsd.server, fetched.map_err(drop));
        }
        drop(in_use);
    }
    glo.info(format_args!("Stopping Monitor thread for Group Replication writer HG {writer_hostgroup}"));
}

/// `init_mmsd_with_conn` for each server whose pings come back, one after the other: up to a second for each that is not there.
fn init_mmsds_with_conn(glo: &Arc<Glo>, hosts_defs: &[String], writer_hostgroup: u32) -> Vec<Mmsd> {
    let by = format_args!("group-replication thread {writer_hostgroup}");
    let mut mmsds = Vec::new();
    for server in hosts_defs {
        let monitor = glo.my_mon.get(by);
        if glo.is_sound() && monitor.is_shutdown() {
            break; // so that who joins this thread waits for one server at most
        }
        if monitor.is_pingable(server) {
            let connection = monitor.get_or_create_connection(server);
            mmsds.push(Mmsd { server: server.clone(), connection });
        }
    }
    mmsds
}

/// Asks a member who takes writes, as far as it knows.
fn fetch(lines: &mut Lines) -> Result<Option<String>, QueryError> {
    let rows = lines.query("SELECT MEMBER_HOST FROM performance_schema.replication_group_members", GR_TIMEOUT)?.rows;
    Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()))
}

/// `async_gr_mon_actions_handler`: the map, then the hostgroups manager.
fn async_gr_mon_actions_handler(
    glo: &Arc<Glo>,
    writer_hostgroup: u32,
    by: Arguments<'_>,
    server: &str,
    fetched: Result<Option<String>, ()>,
) {
    let timeouts = gr_update_hosts_map(&glo.my_mon.get(by), server, fetched.is_ok());
    let my_hgm = glo.my_hgm.get(by);
    match fetched {
        Ok(Some(writer)) => set_writer(glo, writer_hostgroup, by, &writer),
        Ok(None) => my_hgm.update(server, Status::Online),
        Err(()) if timeouts >= GR_TIMEOUTS_MAX => my_hgm.update(server, Status::Shunned),
        Err(()) => {}
    }
}

/// `update_group_replication_set_writer`: "we lock only if needed". Somebody else may be changing servers, and take as long as his
/// disk does; this thread goes on with the hostgroups manager then, whoever has been deleted meanwhile.
fn set_writer(glo: &Arc<Glo>, writer_hostgroup: u32, by: Arguments<'_>, writer: &str) {
    if glo.my_hgm.get(by).is_writer(writer_hostgroup, writer) {
        return;
    }
    let admin = glo.admin.get(by);
    let _servers = admin.mysql_servers.lock();
    let writers = glo.my_hgm.get(by).add_writer(writer_hostgroup, writer);
    // `converge_group_replication_config`.
    if writers > WRITERS_MAX {
        glo.info(format_args!("moving writers of {writer_hostgroup}, {} in use", glo.mth.get(by).version()));
        glo.my_hgm.get(by).keep_writer(writer_hostgroup, writer);
    }
}

/// `gr_update_hosts_map`: this is where #4542 compared a key that had been freed.
fn gr_update_hosts_map(monitor: &Monitor, server: &str, answered: bool) -> u32 {
    let mut hosts = hosts(monitor);
    let host = hosts.map.entry(server.to_owned()).or_default();
    host.checks += 1;
    host.timeouts = if answered { 0 } else { host.timeouts + 1 };
    host.timeouts
}
