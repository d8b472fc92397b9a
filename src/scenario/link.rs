//! What a scenario says about the ways between its nodes, where they are not as all others are.
//! DiskFaults as faults are in `fault`; what a way does to a message is the room's business.

use crate::model::duration::nanoseconds;
use afterlife_sim::Latency;
use std::time::Duration;

/// The way between two nodes. Start from a latency and add what else is special about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "a link does nothing before it is given to `Sim::link`"]
pub struct Link(pub(crate) afterlife_sim::Link);

impl Link {
    /// Each message takes between the two, each moment as likely as any other.
    pub fn between(low: Duration, high: Duration) -> Self {
        assert!(low <= high, "a latency from {low:?} to {high:?} runs backwards: give the shorter one first");
        Self::of(Latency::between(nanoseconds(low), nanoseconds(high)))
    }

    /// Each message takes as long as every other.
    pub fn fixed(latency: Duration) -> Self {
        Self::between(latency, latency)
    }

    /// Messages take at least `low` and `mean` on average, with a long tail: what they take beyond `low` is distributed
    /// exponentially, so that one in a hundred takes 4.6 times the mean of that, and one in ten thousand 9.2 times.
    pub fn long_tailed(low: Duration, mean: Duration) -> Self {
        assert!(low <= mean, "a mean of {mean:?} is below the lowest, {low:?}");
        Self::of(Latency { long_tail: true, ..Latency::between(nanoseconds(low), nanoseconds(mean)) })
    }

    /// Whether something is said of it beside its latency, or that is not evenly spread.
    pub(crate) fn is_bad(&self) -> bool {
        self.0.latency.long_tail || self.0 != afterlife_sim::Link { latency: self.0.latency, ..Default::default() }
    }

    fn of(latency: Latency) -> Self {
        Self(afterlife_sim::Link { latency, ..Default::default() })
    }

    /// So many messages of a thousand are lost: sent again by TCP, gone for UDP.
    pub fn losing(mut self, per_mille: u16) -> Self {
        self.0.lost_per_mille = rate(per_mille);
        self
    }

    /// So many datagrams of a thousand arrive twice.
    pub fn doubling(mut self, per_mille: u16) -> Self {
        self.0.doubled_per_mille = rate(per_mille);
        self
    }

    /// So many datagrams of a thousand arrive after some that were sent later.
    pub fn reordering(mut self, per_mille: u16) -> Self {
        self.0.late_per_mille = rate(per_mille);
        self
    }

    /// So many bytes pass in a second, each way by itself; what does not pass at once waits its turn.
    pub fn bandwidth(mut self, bytes_per_s: u64) -> Self {
        assert!(bytes_per_s > 0, "a link that lets nothing through: cut it with `Faults::partitions` instead");
        self.0.bytes_per_s = bytes_per_s;
        self
    }
}

fn rate(per_mille: u16) -> u16 {
    assert!(per_mille <= 1_000, "{per_mille} of a thousand: a rate is at most 1000");
    per_mille
}
