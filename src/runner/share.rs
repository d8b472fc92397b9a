//! Shares of the processors: the tests of a process run side by side, each with a pool of runners, and no machine has more runners than
//! processors because of them. A test that runs alone has all of them.
//! It starts no runner. Results never depend on the number of runners.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

/// Set by nextest, which runs each test in a process of its own, as many side by side as there are processors.
const NEXTEST: &str = "NEXTEST";

/// The pools of this process, in the order in which they began.
static POOLS: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// The share of one pool. Dropping it leaves the processors to the others.
#[derive(Debug)]
pub(super) struct Share {
    number: u64,
}

impl Share {
    /// A share from now on.
    pub(super) fn begin() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        pools().push(number);
        Self { number }
    }

    /// The number of runners that the pool may have now.
    pub(super) fn runners(&self) -> u64 {
        let pools = pools();
        let rank = pools.iter().position(|number| *number == self.number).unwrap_or_default();
        of(processors(), pools.len() as u64, rank as u64)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        pools().retain(|number| *number != self.number);
    }
}

/// The number of runners that this process may have.
pub(super) fn processors() -> u64 {
    if std::env::var_os(NEXTEST).is_some() {
        return 1;
    }
    available_parallelism().map_or(1, |processors| processors.get() as u64)
}

/// The share of the pool of this rank, among so many pools. The first take what cannot be divided; each has one.
fn of(processors: u64, pools: u64, rank: u64) -> u64 {
    let pools = pools.max(1);
    let more = u64::from(rank < processors % pools);
    (processors / pools + more).max(1)
}

fn pools() -> MutexGuard<'static, Vec<u64>> {
    POOLS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_share_all_processors_and_each_has_one() {
        let shares = |processors, pools| (0..pools).map(|rank| of(processors, pools, rank)).collect::<Vec<_>>();
        assert_eq!(shares(8, 1), [8]);
        assert_eq!(shares(8, 3), [3, 3, 2]);
        assert_eq!(shares(2, 4), [1, 1, 1, 1]);
    }
}
