//! Query priorities: a query waits, within a limit, until no query with a smaller number is running.
//! This is no scheduler: the thread that reports progress is the one that waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The number of running queries at each priority.
#[derive(Debug, Default)]
pub(super) struct QueryPriorities {
    running: Mutex<BTreeMap<u32, usize>>,
    ended: Condvar,
}

/// One query's place among the priorities. Dropping it wakes the queries that wait behind it.
#[derive(Debug)]
pub(super) struct PriorityHandle {
    priorities: Arc<QueryPriorities>,
    priority: u32,
}

impl QueryPriorities {
    /// Enters a query. Priority 0 means none: such a query neither waits nor is waited for.
    pub(super) fn insert(self: &Arc<Self>, priority: u32) -> Option<PriorityHandle> {
        if priority == 0 {
            return None;
        }
        *self.running().entry(priority).or_insert(0) += 1;
        Some(PriorityHandle { priorities: Arc::clone(self), priority })
    }

    /// `waitIfNeed`: waits until no query ahead of `priority` is running, at most `limit`.
    pub(super) fn wait_if_need(&self, priority: u32, limit: Duration) {
        let until = Instant::now() + limit;
        let mut running = self.running();
        while running.range(..priority).next().is_some() {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return;
            };
            running = self.ended.wait_timeout(running, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<u32, usize>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PriorityHandle {
    pub(super) fn priority(&self) -> u32 {
        self.priority
    }
}

impl Drop for PriorityHandle {
    fn drop(&mut self) {
        let mut running = self.priorities.running();
        if let Some(count) = running.get_mut(&self.priority) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.priority);
                self.priorities.ended.notify_all();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::QueryPriorities;
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn a_query_goes_on_once_the_query_ahead_of_it_has_ended() {
        let priorities = Arc::new(QueryPriorities::default());
        assert!(priorities.insert(0).is_none());
        let first = priorities.insert(1);
        let second = priorities.insert(2).map(|handle| handle.priority());
        priorities.wait_if_need(1, Duration::from_secs(3_600));
        priorities.wait_if_need(2, Duration::from_millis(1));
        let waiting = Arc::clone(&priorities);
        let waits = thread::spawn(move || waiting.wait_if_need(second.unwrap(), Duration::from_secs(3_600)));
        drop(first);
        waits.join().unwrap();
    }
}
