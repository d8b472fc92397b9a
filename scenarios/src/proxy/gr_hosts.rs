//! The monitor's group-replication state: the servers to watch, and the results of their checks.
//! It asks no server; `group_replication.rs` does.

use super::checksums::checksum;
use super::config::Hostgroup;
use std::collections::{BTreeMap, BTreeSet};

/// The watched servers.
pub(super) struct Hosts {
    /// `Group_Replication_Hosts_resultset`: writer hostgroup and "host:port".
    resultset: Vec<(u32, String)>,
    /// `Group_Replication_Hosts_Map`, by "host:port".
    map: BTreeMap<String, Host>,
}

/// The results of one server's last checks.
#[derive(Clone, Copy, Debug, Default)]
struct Host {
    timeouts: u32,
    checks: u64,
}

impl Hosts {
    /// Returns the servers of the groups that use group replication.
    pub(super) fn of(hostgroups: &[Hostgroup]) -> Self {
        let watched = hostgroups.iter().filter(|group| group.group_replication);
        let resultset: Vec<(u32, String)> =
            watched.flat_map(|group| group.servers.iter().map(|server| (group.writer, server.clone()))).collect();
        let map = resultset.iter().map(|(_, server)| (server.clone(), Host::default())).collect();
        Self { resultset, map }
    }

    /// `raw_checksum`.
    pub(super) fn raw_checksum(&self) -> u64 {
        let rows: Vec<Vec<String>> =
            self.resultset.iter().map(|(writer, server)| vec![writer.to_string(), server.clone()]).collect();
        checksum(&rows)
    }

    pub(super) fn writer_hostgroups(&self) -> BTreeSet<u32> {
        self.resultset.iter().map(|(writer, _)| *writer).collect()
    }

    /// Returns the servers of one writer hostgroup.
    pub(super) fn servers_of(&self, writer_hostgroup: u32) -> Vec<String> {
        let of_group = self.resultset.iter().filter(|(writer, _)| *writer == writer_hostgroup);
        of_group.map(|(_, server)| server.clone()).collect()
    }

    /// Records a check of a server. Returns the number of its consecutive timeouts.
    pub(super) fn record(&mut self, server: &str, answered: bool) -> u32 {
        let host = self.map.entry(server.to_owned()).or_default();
        host.checks += 1;
        host.timeouts = if answered { 0 } else { host.timeouts + 1 };
        host.timeouts
    }

    pub(super) fn clear(&mut self) {
        self.map.clear();
    }
}
