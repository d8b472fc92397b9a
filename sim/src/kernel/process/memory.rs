//! The memory account of a node's process: bytes allocated and not freed, and the machine's budget.
//! It allocates nothing: the allocator in `libc` reports to it.

use std::cell::Cell;

/// The default limit of a single allocation: 1 GiB. Lengths that are read from garbage are mostly beyond it, legitimate
/// buffers hardly ever.
pub(crate) const LARGEST_BYTES: u64 = 1 << 30;

/// The allocations of the present incarnation of one node, in bytes.
#[derive(Debug)]
pub(crate) struct Account {
    live: Cell<u64>,
    peak: Cell<u64>,
    /// The most that the process may have now.
    limit: Cell<u64>,
    /// The machine's memory; `None` if its scenario set no budget.
    budget: Option<u64>,
    /// The largest single allocation.
    largest: Cell<u64>,
}

impl Account {
    /// The account of a machine with this budget and this limit of a single allocation, which defaults to the budget or
    /// [`LARGEST_BYTES`], whichever is less.
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

    /// Adds `more` bytes for an allocation of `asked` bytes in total. Returns `false`, and adds nothing, if it exceeds
    /// a limit.
    #[inline]
    pub(crate) fn charge(&self, asked: u64, more: u64) -> bool {
        asked <= self.largest.get() && self.take(more)
    }

    /// Adds bytes. Returns `false`, and adds nothing, if the machine does not have as many.
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

    /// Subtracts freed bytes. A block that another process allocated counts as well, down to zero.
    #[inline]
    pub(crate) fn give_back(&self, bytes: u64) {
        self.live.set(self.live.get().saturating_sub(bytes));
    }

    /// Returns whether a single allocation of this size is too large.
    pub(crate) fn is_too_large(&self, bytes: u64) -> bool {
        bytes > self.largest.get()
    }

    /// Resets the account for a new process.
    pub(crate) fn begin(&self) {
        self.live.set(0);
        self.peak.set(0);
    }

    /// The machine's memory, if its scenario set a budget.
    pub(crate) fn budget(&self) -> Option<u64> {
        self.budget
    }

    /// The bytes that the process may still allocate.
    pub(crate) fn available(&self) -> u64 {
        self.limit.get().saturating_sub(self.live.get())
    }

    /// The bytes that the process has allocated, and the most that it had at any time; `None` without a budget.
    pub(crate) fn used(&self) -> Option<(u64, u64)> {
        self.budget.map(|_| (self.live.get(), self.peak.get()))
    }

    /// The most bytes that the process had at any time.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.get()
    }

    /// Limits the process to this much for a while; `None` ends that. It keeps the memory that it has, but its next
    /// allocation may fail.
    pub(crate) fn limit(&self, bytes: Option<u64>) {
        let whole = self.budget.unwrap_or(u64::MAX);
        self.limit.set(bytes.map_or(whole, |bytes| bytes.min(whole)));
    }

    /// Returns whether the limit is below the machine's memory.
    pub(crate) fn has_memory_limit(&self) -> bool {
        self.limit.get() < self.budget.unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_that_does_not_fit_is_not_added() {
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
    fn a_block_of_another_process_adds_no_memory() {
        let account = Account::new(Some(100), None);
        assert!(account.take(10));
        account.give_back(1_000);
        assert!(!account.take(101) && account.take(100));
    }

    #[test]
    fn a_squeeze_frees_nothing_and_allows_nothing_more() {
        let account = Account::new(Some(100), None);
        assert!(account.take(80));
        account.limit(Some(50));
        assert_eq!((account.budget(), account.available()), (Some(100), 0));
        assert!(account.has_memory_limit() && !account.take(1));
        account.give_back(40);
        assert!(account.take(10));
        account.limit(Some(1_000));
        assert!(!account.has_memory_limit() && !account.take(51));
        account.limit(None);
        assert!(account.take(50));
    }

    #[test]
    fn the_limit_of_one_allocation_is_the_budget_a_gibibyte_or_the_one_set() {
        assert!(Account::new(Some(100), None).is_too_large(101));
        assert!(!Account::new(None, None).is_too_large(LARGEST_BYTES));
        assert!(Account::new(Some(u64::MAX), None).is_too_large(LARGEST_BYTES + 1));
        let account = Account::new(Some(100), Some(1_000));
        assert!(!account.is_too_large(1_000) && account.is_too_large(1_001));
        assert_eq!(Account::new(None, None).used(), None);
    }
}
