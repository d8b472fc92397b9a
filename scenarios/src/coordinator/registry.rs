//! A registry by query id; upstream has several, each a process-wide map.
//! An entry belongs to the query that made it. The caller decides if a removal checks that.

use super::rpc::QueryKey;
use afterlife_probe::Entry;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Entries by query id.
#[derive(Debug)]
pub(super) struct Registry<T> {
    name: &'static str,
    entries: Mutex<BTreeMap<String, Occupant<T>>>,
}

#[derive(Debug)]
struct Occupant<T> {
    start_time: u64,
    value: T,
}

impl<T> Registry<T> {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, entries: Mutex::default() }
    }

    /// Makes an entry under a query's id; `None` if the id is taken.
    pub(super) fn try_emplace(&self, key: &QueryKey, value: T) -> Option<Entry> {
        let mut entries = self.entries();
        if entries.contains_key(&key.query_id) {
            return None;
        }
        entries.insert(key.query_id.clone(), Occupant { start_time: key.start_time, value });
        Some(Entry::new(self.name, key))
    }

    /// Passes the entry under a query's id to `look`, with the start time of the query that made it.
    pub(super) fn with<R>(&self, query_id: &str, look: impl FnOnce(u64, &mut T) -> R) -> Option<R> {
        self.entries().get_mut(query_id).map(|occupant| look(occupant.start_time, &mut occupant.value))
    }

    /// Removes the entry under a query's id, no matter which query made it: upstream's erase by key. `own` is the caller's own
    /// entry, if it ever made one.
    pub(super) fn erase(&self, query_id: &str, own: Option<&Entry>) {
        let mut entries = self.entries();
        match own {
            Some(own) => own.removed(),
            None => Entry::removed_without(self.name, query_id),
        }
        let erased = entries.remove(query_id);
        drop(entries);
        drop(erased);
    }

    /// Removes the caller's own entry, and no other.
    pub(super) fn erase_own(&self, key: &QueryKey, own: &Entry) {
        let mut entries = self.entries();
        if entries.get(&key.query_id).is_some_and(|occupant| occupant.start_time == key.start_time) {
            own.removed();
            let erased = entries.remove(&key.query_id);
            drop(entries);
            drop(erased);
        }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Occupant<T>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{QueryKey, Registry};

    fn key(start_time: u64) -> QueryKey {
        QueryKey { query_id: "q".to_owned(), start_time }
    }

    #[test]
    fn erase_removes_any_entry_and_erase_own_only_the_callers() {
        let registry = Registry::new("test");
        let first = registry.try_emplace(&key(1), "first").unwrap();
        assert!(registry.try_emplace(&key(2), "refused").is_none());
        registry.erase("q", None);
        let second = registry.try_emplace(&key(2), "second").unwrap();
        registry.erase_own(&key(1), &first);
        assert_eq!(registry.with("q", |start_time, value| (start_time, *value)), Some((2, "second")));
        registry.erase("q", Some(&first));
        assert_eq!(registry.with("q", |_, value| *value), None);
        registry.erase_own(&key(2), &second);
    }
}
