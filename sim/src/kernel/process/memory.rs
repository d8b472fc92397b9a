//! The memory of a node's process: what its threads have allocated and not freed, and how much the machine has.
//! It allocates nothing and asks no system: the allocator in `abi` books here.

use std::cell::Cell;

/// The largest single allocation that passes without a word where nothing else is said: 1 GiB. Lengths that are read from
/// garbage are mostly beyond it, honest buffers hardly ever.
pub(crate) const LARGEST_BYTES: u64 = 1 << 30;

/// What one node's process has allocated, in bytes. The present incarnation's: a start begins anew.
#[derive(Debug)]
pub(crate) struct Account {
    live: Cell<u64>,
    peak: Cell<u64>,
    /// What the process may have now.
    limit: Cell<u64>,
    /// What the machine has; `None` if its scenario gave it no budget.
    budget: Option<u64>,
    /// Of a single allocation.
    largest: Cell<u64>,
}

impl Account {
    /// The account of a machine with this budget and this bound for a single allocation: its whole budget unless said, or
    /// [`LARGEST_BYTES`] if that is less.
    pub(crate) fn new(budget: Option<u64>, largest: Option<u64>) -> Self {
        let limit = budget.unwrap_or(u64::MAX);
        Self {
            live: Cell::new(0),
            peak: Cell::new(0),
            limit: Cell::new(limit),
            budget,
            largest: Cell::new(largest.unwrap_or(limit.min(LARGEST_BYTES))),
        }
    }

    /// Books `more` bytes for an allocation of `asked` in all. `false`, and nothing is booked, if that needs a word first.
    #[inline]
    pub(crate) fn charge(&self, asked: u64, more: u64) -> bool {
        asked <= self.largest.get() && self.take(more)
    }

    /// Books as many bytes. `false`, and nothing is booked, if the machine has not as many.
    #[inline]
    pub(crate) fn take(&self, more: u64) -> bool {
        let live = self.live.get().saturating_add(more);
        if live > self.limit.get() {
            return false;
        }
        self.live.set(live);
        self.peak.set(self.peak.get().max(live));
        true
    }

    /// Takes bytes off. A block that another process allocated is taken off here all the same, down to nothing.
    #[inline]
    pub(crate) fn give_back(&self, bytes: u64) {
        self.live.set(self.live.get().saturating_sub(bytes));
    }

    /// Whether a single allocation of this size is out of bounds.
    pub(crate) fn is_too_large(&self, bytes: u64) -> bool {
        bytes > self.largest.get()
    }

    /// A process begins: it has allocated nothing.
    pub(crate) fn begin(&self) {
        self.live.set(0);
        self.peak.set(0);
    }

    /// What the process has allocated, and the most that it had at any time; `None` without a budget.
    pub(crate) fn used(&self) -> Option<(u64, u64)> {
        self.budget.map(|_| (self.live.get(), self.peak.get()))
    }

    /// The most that the process had at any time.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.get()
    }

    /// Leaves the process this much and no more, for a while; `None` ends that. What it has already it keeps: its next
    /// allocation finds out.
    pub(crate) fn limit(&self, bytes: Option<u64>) {
        let whole = self.budget.unwrap_or(u64::MAX);
        self.limit.set(bytes.map_or(whole, |bytes| bytes.min(whole)));
    }

    /// Whether it has less than the machine's own.
    pub(crate) fn has_memory_limit(&self) -> bool {
        self.limit.get() < self.budget.unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_booked() {
        let account = Account::new(Some(100), None);
        assert!(account.charge(60, 60));
        assert!(!account.charge(41, 41));
        assert!(account.charge(40, 40));
        account.give_back(70);
        assert_eq!(account.used(), Some((30, 100)));
        account.begin();
        assert_eq!(account.used(), Some((0, 0)));
    }

    #[test]
    fn a_block_of_somebody_else_does_not_make_memory() {
        let account = Account::new(Some(100), None);
        assert!(account.take(10));
        account.give_back(1_000);
        assert!(!account.take(101) && account.take(100));
    }

    #[test]
    fn a_squeeze_takes_nothing_away_and_gives_nothing_more() {
        let account = Account::new(Some(100), None);
        assert!(account.take(80));
        account.limit(Some(50));
        assert!(account.has_memory_limit() && !account.take(1));
        account.give_back(40);
        assert!(account.take(10));
        account.limit(Some(1_000));
        assert!(!account.has_memory_limit() && !account.take(51));
        account.limit(None);
        assert!(account.take(50));
    }

    #[test]
    fn the_bound_for_one_allocation_is_the_budget_a_gibibyte_or_what_was_said() {
        assert!(Account::new(Some(100), None).is_too_large(101));
        assert!(!Account::new(None, None).is_too_large(LARGEST_BYTES));
        assert!(Account::new(Some(u64::MAX), None).is_too_large(LARGEST_BYTES + 1));
        let account = Account::new(Some(100), Some(1_000));
        assert!(!account.is_too_large(1_000) && account.is_too_large(1_001));
        assert_eq!(Account::new(None, None).used(), None);
    }
}
