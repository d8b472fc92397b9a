//! The process list: the running queries by id, each with its status (upstream's `ProcessList` and `QueryStatus`).
//! The connection that runs a query owns its entry, and the entry's destructor frees the status. The list runs nothing itself.

use super::error::{Code, QueryError};
use super::query_priorities::{PriorityHandle, QueryPriorities};
use super::rpc::Progress;
use afterlife_probe::{Entry, Resource};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// All queries of a server.
#[derive(Debug)]
pub(super) struct ProcessList {
    queries: Mutex<Queries>,
    priorities: Arc<QueryPriorities>,
    priority_wait: Duration,
}

#[derive(Debug, Default)]
struct Queries {
    by_id: BTreeMap<String, Arc<QueryStatus>>,
    by_user: BTreeMap<String, BTreeSet<String>>,
}

/// A query in the list, owned by the query's connection. Dropping it removes the query and frees its status.
#[derive(Debug)]
pub(super) struct ProcessListEntry {
    list: Arc<ProcessList>,
    status: Arc<QueryStatus>,
    user: String,
    registered: Entry,
}

/// The state of a running query: counters and its place among the priorities. Freed by the entry's destructor.
///
/// All of it is behind `held`, which is empty once the status is freed. Upstream's `QueryStatus` is plain memory, and using it
/// after that is a segmentation fault or worse. Here the use is reported to the probe and then panics.
#[derive(Debug)]
pub(super) struct QueryStatus {
    query_id: String,
    is_killed: AtomicBool,
    memory: Resource,
    held: Mutex<Option<Held>>,
    priorities: Arc<QueryPriorities>,
    priority_wait: Duration,
}

#[derive(Debug)]
struct Held {
    progress_in: Progress,
    priority_handle: Option<PriorityHandle>,
}

/// Upstream's `QueryStatus *`: a pointer that does not keep its target from being freed.
#[derive(Clone, Debug)]
pub(super) struct RawQueryStatus(Arc<QueryStatus>);

impl ProcessList {
    pub(super) fn new(priority_wait: Duration) -> Self {
        Self { queries: Mutex::default(), priorities: Arc::default(), priority_wait }
    }

    /// Enters a query.
    ///
    /// # Errors
    /// A query of this id is running.
    pub(super) fn insert(
        self: &Arc<Self>,
        query_id: &str,
        user: &str,
        priority: u32,
    ) -> Result<Arc<ProcessListEntry>, QueryError> {
        let mut queries = self.queries();
        if queries.by_id.contains_key(query_id) {
            let why = format!("query with id = {query_id} is already running");
            return Err(QueryError::new(Code::QueryWithSameIdIsAlreadyRunning, why));
        }
        let priority_handle = self.priorities.insert(priority);
        let status = Arc::new(QueryStatus {
            query_id: query_id.to_owned(),
            is_killed: AtomicBool::new(false),
            memory: Resource::open("query-status"),
            held: Mutex::new(Some(Held { progress_in: Progress::default(), priority_handle })),
            priorities: Arc::clone(&self.priorities),
            priority_wait: self.priority_wait,
        });
        queries.by_id.insert(query_id.to_owned(), Arc::clone(&status));
        queries.by_user.entry(user.to_owned()).or_default().insert(query_id.to_owned());
        let registered = Entry::new("process-list", query_id);
        Ok(Arc::new(ProcessListEntry { list: Arc::clone(self), status, user: user.to_owned(), registered }))
    }

    /// `KILL QUERY`. Returns `true` if the query is running.
    pub(super) fn kill(&self, query_id: &str) -> bool {
        let queries = self.queries();
        // The list's lock keeps the status alive: an entry's destructor takes it first.
        let killed = queries.by_id.get(query_id).map(|status| status.kill()).is_some();
        drop(queries);
        killed
    }

    fn queries(&self) -> MutexGuard<'_, Queries> {
        self.queries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProcessListEntry {
    /// The query's status, valid as long as the entry lives.
    pub(super) fn get(&self) -> &QueryStatus {
        &self.status
    }

    /// A pointer to the query's status, for callers that assume the entry outlives them.
    pub(super) fn get_raw(&self) -> RawQueryStatus {
        RawQueryStatus(Arc::clone(&self.status))
    }
}

impl Drop for ProcessListEntry {
    fn drop(&mut self) {
        let mut queries = self.list.queries();
        let id = &self.status.query_id;
        let own = queries.by_id.get(id).is_some_and(|status| Arc::ptr_eq(status, &self.status));
        // Upstream also compares the pointer, and calls std::terminate if it is missing.
        assert!(own, "cannot find query by query_id and pointer to QueryStatus in ProcessList");
        self.registered.removed();
        queries.by_id.remove(id);
        if let Some(of_user) = queries.by_user.get_mut(&self.user) {
            of_user.remove(id);
            if of_user.is_empty() {
                queries.by_user.remove(&self.user);
            }
        }
        drop(queries);
        self.status.free();
    }
}

impl RawQueryStatus {
    /// Follows the pointer, valid or not.
    pub(super) fn get(&self) -> &QueryStatus {
        &self.0
    }
}

impl QueryStatus {
    /// `updateProgressIn`: counts `delta` and lets queries of a higher priority go first. Returns `false` if the query was killed.
    /// `by` names the caller in reports.
    pub(super) fn update_progress_in(&self, delta: Progress, by: &'static str) -> bool {
        let priority = self.with(by, |held| {
            held.progress_in.add(delta);
            held.priority_handle.as_ref().map(PriorityHandle::priority)
        });
        if let Some(priority) = priority {
            self.priorities.wait_if_need(priority, self.priority_wait);
        }
        self.with(by, |_| !self.is_killed.load(Ordering::Relaxed))
    }

    /// The progress counted so far.
    pub(super) fn progress_in(&self) -> Progress {
        self.with("progress_in", |held| held.progress_in)
    }

    /// Returns `true` once the query has been killed.
    pub(super) fn is_killed(&self) -> bool {
        self.with("is_killed", |_| self.is_killed.load(Ordering::Relaxed))
    }

    fn kill(&self) {
        self.with("kill", |_| self.is_killed.store(true, Ordering::Relaxed));
    }

    fn with<R>(&self, what: &str, work: impl FnOnce(&mut Held) -> R) -> R {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        self.memory.used_by(format_args!("{what} of {}", self.query_id));
        work(held.as_mut().expect("the QueryStatus that is used has not been freed"))
    }

    fn free(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        self.memory.close();
        let freed = held.take();
        drop(held);
        drop(freed);
    }
}

#[cfg(test)]
mod tests {
    use super::ProcessList;
    use crate::coordinator::rpc::Progress;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::time::Duration;

    const READ: Progress = Progress { rows: 4, bytes: 40 };

    #[test]
    fn a_query_id_is_refused_while_its_entry_lives() {
        let list = Arc::new(ProcessList::new(Duration::ZERO));
        let entry = list.insert("q", "u", 0).unwrap();
        assert!(list.insert("q", "u", 0).is_err());
        assert!(entry.get().update_progress_in(READ, "test"));
        assert!(list.kill("q") && !entry.get().update_progress_in(READ, "test"));
        assert_eq!(entry.get().progress_in().rows, 8);
        drop(entry);
        assert!(!list.kill("q"));
        list.insert("q", "u", 0).unwrap();
    }

    #[test]
    fn a_raw_pointer_that_outlives_the_entry_crashes_and_a_weak_reference_does_not() {
        let list = Arc::new(ProcessList::new(Duration::ZERO));
        let entry = list.insert("q", "u", 1).unwrap();
        let (raw, weak) = (entry.get_raw(), Arc::downgrade(&entry));
        assert!(raw.get().update_progress_in(READ, "test"));
        drop(entry);
        assert!(weak.upgrade().is_none());
        assert!(catch_unwind(AssertUnwindSafe(|| raw.get().update_progress_in(READ, "test"))).is_err());
    }
}
