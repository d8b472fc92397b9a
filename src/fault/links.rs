//! Faults of links: slow, lossy, held and narrow ones, unruly datagrams, connections that are reset.
//! Which of them strikes, and when, `draw` decides; partitions are drawn there, too.

use super::draw::{Faults, Kind, ordered};
use super::plan::{Fault, LinkTrouble};
use crate::model::duration::nanoseconds;
use std::time::Duration;

/// How badly and how long links go wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct LinkFaults {
    extra_ns: (u64, u64),
    slow_ns: (u64, u64),
    lost_per_mille_max: u16,
    lossy_ns: (u64, u64),
    held_ns: (u64, u64),
    unruly_per_mille_max: u16,
    unruly_ns: (u64, u64),
    bytes_per_s: (u64, u64),
    narrow_ns: (u64, u64),
}

fn up_to(longest: Duration) -> (u64, u64) {
    (nanoseconds(longest) / 10, nanoseconds(longest))
}

fn rate(per_mille: u16) -> u16 {
    assert!((1..=1_000).contains(&per_mille), "{per_mille} of a thousand: a rate is 1 to 1000");
    per_mille
}

impl Faults {
    /// Links between two of the nodes on which each message takes this much longer for a while.
    pub fn slow_links(mut self, low: Duration, high: Duration, for_at_most: Duration) -> Self {
        self.links.extra_ns = ordered(low, high);
        self.links.slow_ns = up_to(for_at_most);
        self.allow(Kind::SlowLink)
    }

    /// Links between two of the nodes that lose up to so many messages of a thousand for a while: TCP sends them again, for
    /// UDP they are gone.
    pub fn lossy_links(mut self, per_mille_max: u16, for_at_most: Duration) -> Self {
        self.links.lost_per_mille_max = rate(per_mille_max);
        self.links.lossy_ns = up_to(for_at_most);
        self.allow(Kind::LossyLink)
    }

    /// Links between two of the nodes that keep back everything for a while and then let it all through.
    pub fn held_links(mut self, for_at_most: Duration) -> Self {
        self.links.held_ns = up_to(for_at_most);
        self.allow(Kind::HeldLink)
    }

    /// Connections between two of the nodes that are reset, all of them, at both ends.
    pub fn resets(self) -> Self {
        self.allow(Kind::Reset)
    }

    /// Links between two of the nodes on which up to so many datagrams of a thousand arrive twice, or late, for a while.
    pub fn unruly_datagrams(mut self, per_mille_max: u16, for_at_most: Duration) -> Self {
        self.links.unruly_per_mille_max = rate(per_mille_max);
        self.links.unruly_ns = up_to(for_at_most);
        self.allow(Kind::UnrulyDatagrams)
    }

    /// Links between two of the nodes that let only so many bytes a second through for a while.
    pub fn narrow_links(mut self, low_bytes_per_s: u64, high_bytes_per_s: u64, for_at_most: Duration) -> Self {
        assert!(
            0 < low_bytes_per_s && low_bytes_per_s <= high_bytes_per_s,
            "a bandwidth from {low_bytes_per_s} to {high_bytes_per_s} bytes a second: give the smaller one first, above 0"
        );
        self.links.bytes_per_s = (low_bytes_per_s, high_bytes_per_s);
        self.links.narrow_ns = up_to(for_at_most);
        self.allow(Kind::NarrowLink)
    }
}

impl LinkFaults {
    /// Draws a fault between two nodes; `between` answers a numbered question with a number from a range.
    pub(super) fn draw(&self, kind: Kind, from: u16, to: u16, between: &impl Fn(u64, (u64, u64)) -> u64) -> Fault {
        let rate = |max: u16| between(41, (1, u64::from(max))) as u16;
        let (how, for_ns) = match kind {
            Kind::SlowLink => (LinkTrouble::Slow { extra_ns: between(40, self.extra_ns) }, self.slow_ns),
            Kind::LossyLink => (LinkTrouble::Lossy { per_mille: rate(self.lost_per_mille_max) }, self.lossy_ns),
            Kind::HeldLink => (LinkTrouble::Hold, self.held_ns),
            Kind::NarrowLink => (LinkTrouble::Narrow { bytes_per_s: between(40, self.bytes_per_s) }, self.narrow_ns),
            Kind::UnrulyDatagrams if between(43, (0, 1)) == 0 => {
                (LinkTrouble::Duplicating { per_mille: rate(self.unruly_per_mille_max) }, self.unruly_ns)
            }
            Kind::UnrulyDatagrams => {
                (LinkTrouble::Reordering { per_mille: rate(self.unruly_per_mille_max) }, self.unruly_ns)
            }
            _ => return Fault::ResetConnections { from, to },
        };
        Fault::DisturbLink { from, to, how, for_ns: between(42, for_ns) }
    }
}
