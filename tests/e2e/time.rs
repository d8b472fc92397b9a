//! Short names for durations, which tests write everywhere.

use afterlife::Rng;
use rand::RngExt;
use std::time::Duration;

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A drawn duration below this many milliseconds.
pub(crate) fn short(rng: &mut Rng, below_ms: u64) -> Duration {
    Duration::from_micros(rng.random_range(0..below_ms * 1_000))
}
