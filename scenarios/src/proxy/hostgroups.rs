//! The hostgroups manager, `MyHGM`: which servers there are for which hostgroup, and which of them are used.
//! It watches no server: the monitor does, and tells it.

use super::config::Hostgroup;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Whether a server gets queries.
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
    /// All servers of each group take reads; the first is taken for the writer until somebody knows better.
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

    /// The server that gets this statement: by the first query rule that fits, or by the usual one, reads here and writes there.
    pub(super) fn route(&self, statement: &str) -> Option<String> {
        let reads = statement.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
        let ruled = self.rules.iter().find(|(begins, _)| statement.starts_with(begins.as_str())).map(|rule| rule.1);
        let hostgroup = ruled.unwrap_or(if reads { self.default_reader } else { self.default_writer });
        let servers = self.servers();
        let online: Vec<&String> =
            servers.get(&hostgroup)?.iter().filter(|(_, status)| **status == Status::Online).map(|it| it.0).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        online.get(turn.checked_rem(online.len())?).map(|server| (*server).clone())
    }

    /// What a check of the monitor found out about a server.
    pub(super) fn update(&self, server: &str, status: Status) {
        for group in self.servers().values_mut() {
            if let Some(known) = group.get_mut(server) {
                *known = status;
            }
        }
    }

    /// `commit`: what was loaded is in use. How many times that was so is all that is kept of it.
    pub(super) fn commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether this server takes a group's writes.
    pub(super) fn is_writer(&self, writer_hostgroup: u32, server: &str) -> bool {
        self.servers().get(&writer_hostgroup).is_some_and(|writers| writers.contains_key(server))
    }

    /// It does from now on. Returns how many do.
    pub(super) fn add_writer(&self, writer_hostgroup: u32, server: &str) -> usize {
        let mut servers = self.servers();
        let writers = servers.entry(writer_hostgroup).or_default();
        writers.insert(server.to_owned(), Status::Online);
        writers.len()
    }

    /// The others do not.
    pub(super) fn keep_writer(&self, writer_hostgroup: u32, server: &str) {
        self.servers().entry(writer_hostgroup).or_default().retain(|writer, _| writer == server);
    }

    /// How many servers are online, and how many there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        let servers = self.servers();
        let all = servers.values().flat_map(BTreeMap::values);
        (all.clone().filter(|status| **status == Status::Online).count(), all.count())
    }

    fn servers(&self) -> MutexGuard<'_, BTreeMap<u32, BTreeMap<String, Status>>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
