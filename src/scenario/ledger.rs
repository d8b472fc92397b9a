//! Ledgers: the scenario's own record of a run, noted where actions happen and compared in claims. They belong to the scenario, not
//! to the system under test: entries survive the death of the node that noted them.

use crate::rt::guest;
use afterlife_sim::event::What;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An entry of a ledger: any value with an order and a `Debug` form.
pub trait Entry: Ord + Debug + Clone + Send + Sync + 'static {}

impl<T: Ord + Debug + Clone + Send + Sync + 'static> Entry for T {}

/// The entries of a ledger, each with the number of its notes.
type Counts<T> = BTreeMap<T, u64>;

struct Book<T> {
    name: &'static str,
    pages: Mutex<Pages<T>>,
}

/// The content of a ledger. Its lock is never held while code of the scenario runs: a reader takes a snapshot, which is a
/// second reference to the same entries, and a note that meets a snapshot copies the entries first.
struct Pages<T> {
    counts: Arc<Counts<T>>,
    notes: u64,
    repeated: u64,
    complete: bool,
    acked: bool,
    found: bool,
}

/// A ledger as the account of a run reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LedgerSummary {
    /// The name.
    pub(crate) name: String,
    /// The number of different entries.
    pub(crate) entries: u64,
    /// It was declared complete.
    pub(crate) is_complete: bool,
    /// It is the first ledger of a *nothing acked is lost*.
    pub(crate) is_acked: bool,
    /// It is the second ledger of a *nothing acked is lost*.
    pub(crate) is_found: bool,
}

/// A ledger without the type of its entries.
trait AnyBook: Send + Sync {
    fn summary(&self) -> LedgerSummary;
    fn as_any(&self) -> &dyn Any;
}

impl<T: Entry> AnyBook for Book<T> {
    fn summary(&self) -> LedgerSummary {
        let pages = self.pages();
        LedgerSummary {
            name: self.name.to_owned(),
            entries: pages.counts.len() as u64,
            is_complete: pages.complete,
            is_acked: pages.acked,
            is_found: pages.found,
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl<T> Book<T> {
    fn pages(&self) -> MutexGuard<'_, Pages<T>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ledgers of this process's one run. They are never freed, so that the list is locked only to find one.
static BOOKS: Mutex<Vec<&'static dyn AnyBook>> = Mutex::new(Vec::new());

/// The ledgers of this process's run, in the order in which the scenario made them.
pub(crate) fn summaries() -> Vec<LedgerSummary> {
    let books = books().clone();
    books.into_iter().map(AnyBook::summary).collect()
}

/// A ledger that a scenario has made, by its name.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) index: usize,
    /// The type of its entries.
    pub(super) entries: &'static str,
    /// The line that made it.
    pub(super) site: &'static Location<'static>,
}

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
        let counts = Arc::default();
        let pages = Pages { counts, notes: 0, repeated: 0, complete: false, acked: false, found: false };
        let mut books = books();
        books.push(Box::leak(Box::new(Book::<T> { name: name.to_owned().leak(), pages: Mutex::new(pages) })));
        Self { index: books.len() - 1, of: PhantomData }
    }

    /// The ledger of this number, as [`index`](Self::index) returns it; `None` if its entries have another type.
    pub(crate) fn at(index: usize) -> Option<Self> {
        let book = books().get(index).copied()?;
        book.as_any().is::<Book<T>>().then_some(Self { index, of: PhantomData })
    }

    /// The number of the ledger in its process.
    pub(crate) fn index(self) -> usize {
        self.index
    }

    /// Notes an entry. Call it where the thing happens: each note is an event of the run, and always-claims are checked then.
    #[track_caller]
    pub fn note(self, entry: T) {
        if guest::is_muted() {
            return;
        }
        let text = format!("{entry:?}");
        let name = self.with(|book, pages| {
            let count = Arc::make_mut(&mut pages.counts).entry(entry).or_insert(0);
            *count += 1;
            pages.notes += 1;
            pages.repeated += u64::from(*count == 2);
            book.name
        });
        // After the book is closed: the call is a scheduling point.
        let caller = Location::caller();
        afterlife_sim::emit(|text_of| What::Noted {
            ledger: text_of(name),
            entry: text_of(&text),
            site: text_of(&site(caller)),
        });
    }

    /// Declares that the ledger has all of its entries, so that claims may compare it as a whole.
    #[track_caller]
    pub fn complete(self) {
        let (name, entries) = self.with(|book, pages| {
            pages.complete = true;
            (book.name, u32::try_from(pages.counts.len()).unwrap_or(u32::MAX))
        });
        let caller = Location::caller();
        afterlife_sim::emit(|text_of| What::Completed { ledger: text_of(name), entries, site: text_of(&site(caller)) });
    }

    /// Returns whether [`complete`](Self::complete) was called.
    pub fn is_complete(self) -> bool {
        self.with(|_, pages| pages.complete)
    }

    /// The number of notes; an entry that was noted twice counts twice.
    pub fn len(self) -> u64 {
        self.with(|_, pages| pages.notes)
    }

    /// Returns whether nothing was noted.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Returns whether the predicate holds for at least one entry. The predicate may read this ledger and others; entries that
    /// are noted meanwhile are not seen.
    pub fn any(self, holds: impl FnMut(&T) -> bool) -> bool {
        self.snapshot().keys().any(holds)
    }

    /// Returns whether the predicate holds for every entry. The predicate may read this ledger and others; entries that are
    /// noted meanwhile are not seen.
    pub fn all(self, holds: impl FnMut(&T) -> bool) -> bool {
        self.snapshot().keys().all(holds)
    }

    /// Returns whether this entry was noted.
    pub fn contains(self, entry: &T) -> bool {
        self.with(|_, pages| pages.counts.contains_key(entry))
    }

    /// Returns whether no entry was noted twice.
    pub fn has_no_duplicate(self) -> bool {
        self.with(|_, pages| pages.repeated == 0)
    }

    /// Returns whether every entry was noted in the other ledger, too.
    pub fn is_within(self, other: Self) -> bool {
        let (mine, theirs) = (self.snapshot(), other.snapshot());
        mine.keys().all(|entry| theirs.contains_key(entry))
    }

    /// The entries that were never noted in the other ledger, in order, as text.
    pub(crate) fn missing_in(self, other: Self) -> Vec<String> {
        let (mine, theirs) = (self.snapshot(), other.snapshot());
        mine.keys().filter(|entry| !theirs.contains_key(entry)).map(|entry| format!("{entry:?}")).collect()
    }

    /// Records that a claim compares it: the entries of `self` must be in `found`.
    pub(crate) fn compare(self, found: Self) {
        self.with(|_, pages| pages.acked = true);
        found.with(|_, pages| pages.found = true);
    }

    pub(crate) fn name(self) -> String {
        self.with(|book, _| book.name.to_owned())
    }

    fn snapshot(self) -> Snapshot<T> {
        Snapshot(Some(self.with(|_, pages| pages.counts.clone())))
    }

    fn with<R>(self, work: impl FnOnce(&Book<T>, &mut Pages<T>) -> R) -> R {
        // A ledger is the harness's: it does not count as the node's memory, and no node dies while a book is locked.
        afterlife_sim::outside(|| {
            let book = books().get(self.index).copied();
            let book = book.and_then(|book| book.as_any().downcast_ref::<Book<T>>());
            let book = book.unwrap_or_else(|| panic!("a ledger belongs to the run whose scenario made it"));
            work(book, &mut book.pages())
        })
    }
}

/// The entries of a ledger at one moment. It is freed outside the simulation, where the entries were allocated.
struct Snapshot<T>(Option<Arc<Counts<T>>>);

impl<T> Deref for Snapshot<T> {
    type Target = Counts<T>;

    fn deref(&self) -> &Counts<T> {
        match &self.0 {
            Some(counts) => counts,
            None => unreachable!("the entries are taken only when the snapshot is dropped"),
        }
    }
}

impl<T> Drop for Snapshot<T> {
    fn drop(&mut self) {
        let counts = self.0.take();
        afterlife_sim::outside(|| drop(counts));
    }
}

fn site(caller: &Location<'_>) -> String {
    format!("{}:{}", caller.file(), caller.line())
}

fn books() -> MutexGuard<'static, Vec<&'static dyn AnyBook>> {
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

    #[test]
    fn a_closure_may_read_any_ledger_and_note_in_it() {
        let (cut, accepted) = (Ledger::new("cut"), Ledger::new("accepted"));
        (0..3).for_each(|id| cut.note(id));
        accepted.note(2);
        assert!(cut.any(|id| accepted.contains(id)));
        assert!(!cut.all(|id| accepted.contains(id)));
        assert!(cut.all(|id| cut.contains(id) && cut.any(|other| other == id)), "the same ledger");
        assert!(cut.all(|id| {
            cut.note(id + 10);
            *id < 10
        }));
        assert_eq!(cut.len(), 6);
    }

    #[test]
    fn a_closure_that_panics_leaves_the_ledger_as_it_was() {
        let ledger = Ledger::new("shaky");
        ledger.note(1);
        let outcome = std::panic::catch_unwind(|| ledger.any(|_| panic!("no")));
        assert!(outcome.is_err());
        ledger.note(2);
        assert_eq!(ledger.len(), 2);
    }

    #[test]
    fn a_summary_has_the_entries_and_the_claims_that_compare_them() {
        let (acked, found) = (Ledger::new("acked of a summary"), Ledger::new("found of a summary"));
        acked.compare(found);
        acked.note('a');
        acked.note('a');
        found.complete();
        let mut summaries = summaries();
        summaries.retain(|summary| summary.name.ends_with("of a summary"));
        let acked = LedgerSummary {
            name: "acked of a summary".to_owned(),
            entries: 1,
            is_complete: false,
            is_acked: true,
            is_found: false,
        };
        let found = LedgerSummary {
            name: "found of a summary".to_owned(),
            entries: 0,
            is_complete: true,
            is_acked: false,
            is_found: true,
        };
        assert_eq!(summaries, [acked, found]);
    }
}
