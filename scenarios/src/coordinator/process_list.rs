//! The process list: every query that runs, by id, and what belongs to it: upstream's `ProcessList` and `QueryStatus`.
//! Whoever runs a query owns its entry, and the entry's destructor frees the status. It runs nothing itself.

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

/// A query in the list. Its owner is the query's connection; dropping it takes the query out and frees its status.
#[derive(Debug)]
pub(super) struct ProcessListEntry {
    list: Arc<ProcessList>,
    status: Arc<QueryStatus>,
    user: String,
    registered: Entry,
}

/// What belongs to a query that runs: counters and its place among the priorities. Freed by the entry's destructor.
///
/// Everything in it is reached through `held`, which is empty once it is freed: upstream's `QueryStatus` is plain memory,
/// and a use of it then is a segmentation fault or worse. Here it is told to the probe, and then panics.
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

/// Upstream's `QueryStatus *`: it does not keep what it points to from being freed.
#[derive(Clone, Debug)]
pub(super) struct RawQueryStatus(Arc<QueryStatus>);

impl ProcessList {
    pub(super) fn new(priority_wait: Duration) -> Self {
        Self { queries: Mutex::default(), priorities: Arc::default(), priority_wait }
    }

    /// Enters a query.
    ///
    /// # Errors
    /// There is one of this id.
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

    /// `KILL QUERY`: whether there was such a query.
    pub(super) fn kill(&self, query_id: &str) -> bool {
        let queries = self.queries();
        // Under the list's lock, which an entry's destructor takes first: the status cannot be freed meanwhile.
        let killed = queries.by_id.get(query_id).map(|status| status.kill()).is_some();
        drop(queries);
        killed
    }

    fn queries(&self) -> MutexGuard<'_, Queries> {
        self.queries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProcessListEntry {
    /// The query's status, as long as the entry lives.
    pub(super) fn get(&self) -> &QueryStatus {
        &self.status
    }

    /// The query's status, for who believes that the entry will live long enough.
    pub(super) fn get_raw(&self) -> RawQueryStatus {
        RawQueryStatus(Arc::clone(&self.status))
    }
}

impl Drop for ProcessListEntry {
    fn drop(&mut self) {
        let mut queries = self.list.queries();
        let id = &self.status.query_id;
        let own = queries.by_id.get(id).is_some_and(|status| Arc::ptr_eq(status, &self.status));
        // Upstream looks for the pointer, too, and calls std::terminate if it is not there.
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
    /// Follows the pointer, whatever there is now.
    pub(super) fn get(&self) -> &QueryStatus {
        &self.0
    }
}

impl QueryStatus {
    /// `updateProgressIn`: counts, lets queries of a higher priority go first, and says whether to go on.
    /// `by` is who calls, for the story.
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

    /// What has been counted.
    pub(super) fn progress_in(&self) -> Progress {
        self.with("progress_in", |held| held.progress_in)
    }

    /// Whether somebody has killed the query.
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
    fn who_kept_a_pointer_past_the_entry_crashes_and_who_kept_a_weak_reference_does_not() {
        let list = Arc::new(ProcessList::new(Duration::ZERO));
        let entry = list.insert("q", "u", 1).unwrap();
        let (raw, weak) = (entry.get_raw(), Arc::downgrade(&entry));
        assert!(raw.get().update_progress_in(READ, "test"));
        drop(entry);
        assert!(weak.upgrade().is_none());
        assert!(catch_unwind(AssertUnwindSafe(|| raw.get().update_progress_in(READ, "test"))).is_err());
    }
}
