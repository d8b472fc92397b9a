//! The links between a scenario's nodes. Link faults are in `fault`.

use crate::model::duration::nanoseconds;
use afterlife_sim::Latency;
use std::time::Duration;

/// A link between two nodes, the same in both directions. Start from a latency, and add loss, duplication, reordering and
/// bandwidth. The default is the latency of [`Sim::latency`](crate::Sim::latency), without any of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "a link does nothing before it is given to `Sim::link`"]
pub struct Link(afterlife_sim::Link);

impl Link {
    /// The same, for the simulation.
    pub(crate) fn into_sim(self) -> afterlife_sim::Link {
        self.0
    }

    /// A latency that is uniform between `low` and `high`, for each message.
    ///
    /// # Panics
    /// If `low` is longer than `high`.
    #[track_caller]
    pub fn between(low: Duration, high: Duration) -> Self {
        assert!(low <= high, "a latency from {low:?} to {high:?}: write the shorter duration first");
        Self::of(Latency::between(nanoseconds(low), nanoseconds(high)))
    }

    /// The same latency for each message.
    #[track_caller]
    pub fn fixed(latency: Duration) -> Self {
        Self::between(latency, latency)
    }

    /// A latency of at least `low`, `mean` on average, with a long tail: the part beyond `low` is exponential. It exceeds 4.6
    /// times its mean for one message in a hundred, and 9.2 times for one in ten thousand.
    ///
    /// # Panics
    /// If `low` is longer than `mean`.
    #[track_caller]
    pub fn long_tailed(low: Duration, mean: Duration) -> Self {
        assert!(low <= mean, "a mean of {mean:?} is below the lowest latency, {low:?}");
        Self::of(Latency { long_tail: true, ..Latency::between(nanoseconds(low), nanoseconds(mean)) })
    }

    /// Returns whether it differs from the default in more than the bounds of its latency.
    pub(crate) fn is_bad(&self) -> bool {
        self.0.latency.long_tail || self.0 != afterlife_sim::Link { latency: self.0.latency, ..Default::default() }
    }

    fn of(latency: Latency) -> Self {
        Self(afterlife_sim::Link { latency, ..Default::default() })
    }

    /// Loses this many messages in a thousand: TCP retransmits them, UDP does not. The default is 0.
    ///
    /// # Panics
    /// If it is more than 1000.
    #[track_caller]
    pub fn losing(mut self, per_mille: u16) -> Self {
        self.0.lost_per_mille = rate(per_mille);
        self
    }

    /// Duplicates this many datagrams in a thousand. The default is 0.
    ///
    /// # Panics
    /// If it is more than 1000.
    #[track_caller]
    pub fn duplicating(mut self, per_mille: u16) -> Self {
        self.0.doubled_per_mille = rate(per_mille);
        self
    }

    /// Delays this many datagrams in a thousand behind later ones. The default is 0.
    ///
    /// # Panics
    /// If it is more than 1000.
    #[track_caller]
    pub fn reordering(mut self, per_mille: u16) -> Self {
        self.0.late_per_mille = rate(per_mille);
        self
    }

    /// Limits the bytes per second of each direction; messages beyond it queue. Unlimited by default.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn bandwidth(mut self, bytes_per_s: u64) -> Self {
        assert!(bytes_per_s > 0, "a link without bandwidth: cut it with `Faults::partitions` instead");
        self.0.bytes_per_s = bytes_per_s;
        self
    }
}

#[track_caller]
fn rate(per_mille: u16) -> u16 {
    assert!(per_mille <= 1_000, "a rate of {per_mille} per mille: write at most 1000");
    per_mille
}
