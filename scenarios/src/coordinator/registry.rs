//! A registry by query id, as upstream has several, each a process-wide map.
//! What is in it belongs to whoever put it there; whether that is looked at when something is taken out, the caller says.

use super::rpc::QueryKey;
use afterlife_probe::Entry;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Entries by query id.
#[derive(Debug)]
pub(super) struct Registry<T> {
    name: &'static str,
    entries: Mutex<BTreeMap<String, Kept<T>>>,
}

#[derive(Debug)]
struct Kept<T> {
    start_time: u64,
    value: T,
}

impl<T> Registry<T> {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, entries: Mutex::default() }
    }

    /// Enters something under a query's id; `None` if there is something.
    pub(super) fn try_emplace(&self, key: &QueryKey, value: T) -> Option<Entry> {
        let mut entries = self.entries();
        if entries.contains_key(&key.query_id) {
            return None;
        }
        entries.insert(key.query_id.clone(), Kept { start_time: key.start_time, value });
        Some(Entry::new(self.name, key))
    }

    /// Looks at what stands under a query's id, and whose start time it has.
    pub(super) fn with<R>(&self, query_id: &str, look: impl FnOnce(u64, &mut T) -> R) -> Option<R> {
        self.entries().get_mut(query_id).map(|kept| look(kept.start_time, &mut kept.value))
    }

    /// Takes out what stands under a query's id, whoever put it there: upstream's erase by key. `own` is the caller's own
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

    /// Takes out the caller's own entry, and nobody else's.
    pub(super) fn erase_own(&self, key: &QueryKey, own: &Entry) {
        let mut entries = self.entries();
        if entries.get(&key.query_id).is_some_and(|kept| kept.start_time == key.start_time) {
            own.removed();
            let erased = entries.remove(&key.query_id);
            drop(entries);
            drop(erased);
        }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Kept<T>>> {
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
    fn erase_by_key_takes_anybodys_and_erase_own_does_not() {
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
