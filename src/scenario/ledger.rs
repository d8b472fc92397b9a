//! Ledgers: the scenario's own record of a run, noted where actions happen and compared in claims. They belong to the scenario, not
//! to the system under test: entries survive the death of the node that noted them.

use crate::rt::guest;
use afterlife_sim::event::What;
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An entry of a ledger: any value with an order and a `Debug` form.
pub trait Entry: Ord + Debug + Clone + Send + 'static {}

impl<T: Ord + Debug + Clone + Send + 'static> Entry for T {}

struct Book<T> {
    name: &'static str,
    counts: BTreeMap<T, u64>,
    twice: u64,
    complete: bool,
}

/// The ledgers of this process's one run.
static BOOKS: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new());

/// A handle on a ledger. Copy it into the closures that need it.
pub struct Ledger<T> {
    index: usize,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Ledger<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ledger<T> {}

impl<T> Debug for Ledger<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ledger({})", self.index)
    }
}

impl<T: Entry> Ledger<T> {
    pub(crate) fn new(name: &str) -> Self {
        let book = Book::<T> { name: name.to_owned().leak(), counts: BTreeMap::new(), twice: 0, complete: false };
        let mut books = books();
        books.push(Box::new(book));
        Self { index: books.len() - 1, of: PhantomData }
    }

    /// Notes an entry. Call it where the action happens: each note is an event of the run, and always-claims are checked then.
    pub fn note(self, entry: T) {
        if guest::is_muted() {
            return;
        }
        let text = format!("{entry:?}");
        let name = self.with(|book| {
            let count = book.counts.entry(entry).or_insert(0);
            *count += 1;
            book.twice += u64::from(*count == 2);
            book.name
        });
        // After the lock is released: the call is a scheduling point.
        afterlife_sim::emit(|text_of| What::Noted { ledger: text_of(name), entry: text_of(&text) });
    }

    /// Declares that the ledger has all of its entries, so that claims may compare it as a whole.
    pub fn complete(self) {
        let name = self.with(|book| {
            book.complete = true;
            book.name
        });
        afterlife_sim::emit(|text_of| What::Noted { ledger: text_of(name), entry: text_of("complete") });
    }

    /// Returns whether [`complete`](Self::complete) was called.
    pub fn is_complete(self) -> bool {
        self.with(|book| book.complete)
    }

    /// The number of notes; an entry that was noted twice counts twice.
    pub fn len(self) -> u64 {
        self.with(|book| book.counts.values().sum())
    }

    /// Returns whether nothing was noted.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Returns whether the predicate holds for at least one entry.
    pub fn any(self, holds: impl FnMut(&T) -> bool) -> bool {
        self.with(|book| book.counts.keys().any(holds))
    }

    /// Returns whether the predicate holds for every entry.
    pub fn all(self, holds: impl FnMut(&T) -> bool) -> bool {
        self.with(|book| book.counts.keys().all(holds))
    }

    /// Returns whether this entry was noted.
    pub fn contains(self, entry: &T) -> bool {
        self.with(|book| book.counts.contains_key(entry))
    }

    /// Returns whether no entry was noted twice.
    pub fn has_no_duplicate(self) -> bool {
        self.with(|book| book.twice == 0)
    }

    /// Returns whether every entry was noted in the other ledger, too.
    pub fn is_within(self, other: Self) -> bool {
        self.missing_in(other).is_empty()
    }

    /// The entries that were never noted in the other ledger, in order, as text.
    pub(crate) fn missing_in(self, other: Self) -> Vec<String> {
        let mine: Vec<T> = self.with(|book| book.counts.keys().cloned().collect());
        other.with(|book| {
            mine.iter().filter(|entry| !book.counts.contains_key(entry)).map(|entry| format!("{entry:?}")).collect()
        })
    }

    pub(crate) fn name(self) -> String {
        self.with(|book| book.name.to_owned())
    }

    fn with<R>(self, work: impl FnOnce(&mut Book<T>) -> R) -> R {
        // A ledger belongs to the harness: it does not count as the node's memory, and no node dies while it holds the lock.
        afterlife_sim::outside(|| {
            let mut books = books();
            let book = books.get_mut(self.index).and_then(|book| book.downcast_mut());
            work(book.unwrap_or_else(|| panic!("a ledger belongs to the run whose scenario made it")))
        })
    }
}

fn books() -> MutexGuard<'static, Vec<Box<dyn Any + Send>>> {
    BOOKS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_counts_compares_and_lists_missing_entries() {
        let acked = Ledger::new("acked");
        let ran = Ledger::new("ran");
        for job in [1, 2, 3] {
            acked.note(job);
        }
        ran.note(1);
        ran.note(3);
        assert_eq!(acked.missing_in(ran), ["2"]);
        assert!(ran.is_within(acked) && !acked.is_within(ran));
        assert!(ran.has_no_duplicate());
        ran.note(3);
        assert!(!ran.has_no_duplicate());
        assert_eq!((ran.len(), acked.len()), (3, 3));
    }
}
