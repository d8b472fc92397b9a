//! The hostgroups manager, `MyHGM`: the servers of each hostgroup and their status.
//! It watches no server; the monitor does, and updates it.

use super::config::Hostgroup;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The status of a server. Only online servers get queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Online,
    Shunned,
}

/// The servers by hostgroup.
pub(super) struct HostgroupsManager {
    servers: Mutex<BTreeMap<u32, BTreeMap<String, Status>>>,
    rules: Vec<(String, u32)>,
    default_writer: u32,
    default_reader: u32,
    turn: AtomicUsize,
    commits: AtomicUsize,
}

impl HostgroupsManager {
    /// All servers of each group take reads. The first is assumed to be the writer until the monitor learns otherwise.
    pub(super) fn new(hostgroups: &[Hostgroup], rules: &[(String, u32)]) -> Self {
        let mut servers: BTreeMap<u32, BTreeMap<String, Status>> = BTreeMap::new();
        for group in hostgroups {
            let online = |server: &String| (server.clone(), Status::Online);
            servers.entry(group.reader).or_default().extend(group.servers.iter().map(online));
            servers.entry(group.writer).or_default().extend(group.servers.iter().take(1).map(online));
        }
        let first = hostgroups.first();
        Self {
            servers: Mutex::new(servers),
            rules: rules.to_vec(),
            default_writer: first.map_or(0, |group| group.writer),
            default_reader: first.map_or(0, |group| group.reader),
            turn: AtomicUsize::new(0),
            commits: AtomicUsize::new(0),
        }
    }

    /// Returns the server for a statement: by the first matching query rule, otherwise by reads and writes.
    pub(super) fn route(&self, statement: &str) -> Option<String> {
        let reads = statement.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
        let ruled = self.rules.iter().find(|(begins, _)| statement.starts_with(begins.as_str())).map(|rule| rule.1);
        let hostgroup = ruled.unwrap_or(if reads { self.default_reader } else { self.default_writer });
        let servers = self.servers();
        let online: Vec<&String> = servers
            .get(&hostgroup)?
            .iter()
            .filter(|(_, status)| **status == Status::Online)
            .map(|(server, _)| server)
            .collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        online.get(turn.checked_rem(online.len())?).map(|server| (*server).clone())
    }

    /// Records the result of the monitor's checks of a server.
    pub(super) fn update(&self, server: &str, status: Status) {
        for group in self.servers().values_mut() {
            if let Some(known) = group.get_mut(server) {
                *known = status;
            }
        }
    }

    /// `commit`: takes loaded servers into use. Only the number of commits is modelled.
    pub(super) fn commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns `true` if this server takes a group's writes.
    pub(super) fn is_writer(&self, writer_hostgroup: u32, server: &str) -> bool {
        self.servers().get(&writer_hostgroup).is_some_and(|writers| writers.contains_key(server))
    }

    /// Adds a writer to a group and returns the number of its writers.
    pub(super) fn add_writer(&self, writer_hostgroup: u32, server: &str) -> usize {
        let mut servers = self.servers();
        let writers = servers.entry(writer_hostgroup).or_default();
        writers.insert(server.to_owned(), Status::Online);
        writers.len()
    }

    /// Removes all writers of a group but this one.
    pub(super) fn keep_writer(&self, writer_hostgroup: u32, server: &str) {
        self.servers().entry(writer_hostgroup).or_default().retain(|writer, _| writer == server);
    }

    /// Returns the number of online servers, and of all servers.
    pub(super) fn counts(&self) -> (usize, usize) {
        let servers = self.servers();
        let all = servers.values().flat_map(BTreeMap::values);
        (all.clone().filter(|status| **status == Status::Online).count(), all.count())
    }

    fn servers(&self) -> MutexGuard<'_, BTreeMap<u32, BTreeMap<String, Status>>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
