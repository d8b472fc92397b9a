//! Links: how long a message takes from one node to another, whether it arrives, and what is wrong with the way.
//! It moves no message: `tcp` and `udp` ask it when one is due.

use crate::event::{NodeId, Seq, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;
use crate::kernel::net::ports::Net;
use crate::kernel::sched::choice::{Choices, Question, join};
use std::collections::BTreeMap;

/// How long a message is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// At least, in nanoseconds.
    pub low_ns: u64,
    /// At most, in nanoseconds; with a long tail, the mean of the latencies.
    pub high_ns: u64,
    /// Not evenly spread between the two: exponential above the lowest, so that a few messages take many times as long as
    /// most.
    pub long_tail: bool,
}

impl Default for Latency {
    /// A small data centre: 200 µs to 2 ms.
    fn default() -> Self {
        Self::between(200_000, 2_000_000)
    }
}

impl Latency {
    /// Evenly spread between the two, in nanoseconds.
    pub const fn between(low_ns: u64, high_ns: u64) -> Self {
        Self { low_ns, high_ns, long_tail: false }
    }

    /// Draws one.
    #[inline]
    pub(crate) fn draw(self, choices: &Choices, who: u64, occurrence: u64) -> u64 {
        if self.long_tail {
            let draw = choices.draw(Question::Latency, who, occurrence);
            return self.low_ns.saturating_add(exponential(draw, self.high_ns - self.low_ns));
        }
        choices.between(Question::Latency, who, occurrence, self.low_ns, self.high_ns)
    }
}

/// A sample of an exponential distribution with this mean from 64 random bits, by its inverse: mean × −ln(bits / 2^64).
/// In integers, since floats differ in their last bits between machines: the logarithm to base 2 is found bit by bit, by
/// squaring.
fn exponential(bits: u64, mean: u64) -> u64 {
    const BITS: u32 = 24;
    /// ln 2, times 2^32.
    const LN_2: u128 = 2_977_044_472;
    let bits = bits | 1;
    let zeros = bits.leading_zeros();
    // In [1, 2), times 2^63.
    let mut mantissa = bits << zeros;
    let mut log = 0_u64;
    for _ in 0..BITS {
        let square = (u128::from(mantissa) * u128::from(mantissa)) >> 63;
        log <<= 1;
        mantissa = if square >> 64 != 0 {
            log |= 1;
            (square >> 1) as u64
        } else {
            square as u64
        };
    }
    // −log2 of bits / 2^64, times 2^24.
    let exponent = (u64::from(zeros + 1) << BITS) - log;
    let product = u128::from(exponent) * LN_2 * u128::from(mean);
    u64::try_from(product >> (BITS + 32)).unwrap_or(u64::MAX)
}

/// What a way from one node to another is like. Rates are of a thousand messages; a TCP segment that is lost is sent
/// again, a datagram is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// How long a message is on its way.
    pub latency: Latency,
    /// How many are lost.
    pub lost_per_mille: u16,
    /// How many datagrams arrive twice.
    pub doubled_per_mille: u16,
    /// How many datagrams arrive after some that were sent later.
    pub late_per_mille: u16,
    /// How many bytes pass in a second; 0 for no bound. What does not pass at once waits its turn, each way by itself.
    pub bytes_per_s: u64,
}

/// What can go wrong with a way between two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkTrouble {
    /// Each message takes this many nanoseconds longer.
    Slow(u64),
    /// So many of a thousand are lost.
    Lossy(u16),
    /// Nothing arrives before the trouble is over; then everything does.
    Hold,
    /// So many datagrams of a thousand arrive twice.
    Doubling(u16),
    /// So many datagrams of a thousand arrive late.
    Reordering(u16),
    /// So many bytes pass in a second at most.
    Narrow(u64),
}

/// Everything about links that are not all alike.
#[derive(Default)]
pub(crate) struct Links {
    standing: BTreeMap<(NodeId, NodeId), Link>,
    /// By pair, the lower number first: a trouble is one of both directions.
    troubles: BTreeMap<(NodeId, NodeId), Vec<LinkTrouble>>,
    /// When a narrow way is free again.
    busy_until_ns: BTreeMap<(NodeId, NodeId), u64>,
    held: Vec<((NodeId, NodeId), Due)>,
}

/// What becomes of a message.
pub(crate) struct Way {
    /// How long it takes, in nanoseconds, from now.
    pub(crate) ns: u64,
    /// How often it was lost before it went through, for a stream.
    pub(crate) losses: u32,
}

fn pair(a: NodeId, b: NodeId) -> (NodeId, NodeId) {
    (a.min(b), a.max(b))
}

/// Within a node: what loopback takes on Linux, scheduling included.
const LOOPBACK: Latency = Latency::between(10_000, 40_000);

impl Net {
    /// Sets what the way from one node to another is like.
    pub(crate) fn set_link(&mut self, from: NodeId, to: NodeId, link: Link) {
        self.links_differ = true;
        self.links.standing.insert((from, to), link);
    }

    /// How long this message of a stream takes, in nanoseconds. `resend_ns` is how long its sender waits before it sends a
    /// lost one again, the first time.
    #[inline]
    pub(crate) fn stream_way_ns(
        &mut self,
        choices: &Choices,
        now_ns: u64,
        (from, to): (NodeId, NodeId),
        (who, occurrence): (u64, u64),
        bytes: usize,
        resend_ns: u64,
    ) -> u64 {
        if !self.links_differ {
            let latency = if from == to { LOOPBACK } else { self.latency };
            return choices.between(Question::Latency, who, occurrence, latency.low_ns, latency.high_ns);
        }
        let way = self.way(choices, now_ns, (from, to), (who, occurrence), bytes);
        // Lost and sent again, each time after twice the time.
        way.ns.saturating_add(resend_ns * ((1_u64 << way.losses) - 1))
    }

    /// How this message passes.
    pub(crate) fn way(
        &mut self,
        choices: &Choices,
        now_ns: u64,
        (from, to): (NodeId, NodeId),
        (who, occurrence): (u64, u64),
        bytes: usize,
    ) -> Way {
        /// More than this often no message is lost: its sender would have given up.
        const LOSSES_MAX: u32 = 10;
        if from == to || !self.links_differ {
            let latency = if from == to { LOOPBACK } else { self.latency };
            return Way { ns: latency.draw(choices, who, occurrence), losses: 0 };
        }
        let link = self.link(from, to);
        let mut ns = link.latency.draw(choices, who, occurrence).saturating_add(self.extra_ns(from, to));
        if link.bytes_per_s > 0 {
            let busy_ns = self.links.busy_until_ns.entry((from, to)).or_insert(0);
            let passes_ns = (bytes as u128 * 1_000_000_000).div_ceil(u128::from(link.bytes_per_s));
            *busy_ns = (*busy_ns).max(now_ns).saturating_add(u64::try_from(passes_ns).unwrap_or(u64::MAX));
            ns = ns.saturating_add(*busy_ns - now_ns);
        }
        let lost = |attempt: u32| {
            let draw = choices.below(Question::Loss, who, join(occurrence, u64::from(attempt)), 1_000);
            draw < u64::from(link.lost_per_mille)
        };
        let losses = (0..LOSSES_MAX).take_while(|attempt| link.lost_per_mille > 0 && lost(*attempt)).count() as u32;
        Way { ns, losses }
    }

    /// How long after itself a datagram arrives again, if it does.
    pub(crate) fn doubled_after_ns(
        &self,
        choices: &Choices,
        (from, to): (NodeId, NodeId),
        (who, occurrence): (u64, u64),
    ) -> Option<u64> {
        let link = self.link(from, to);
        let doubled = choices.below(Question::Doubling, who, occurrence, 1_000) < u64::from(link.doubled_per_mille);
        let after_ns = || choices.below(Question::Doubling, !who, occurrence, 2 * link.latency.high_ns + 1);
        (from != to && doubled).then(after_ns)
    }

    /// How much later than it should a datagram arrives.
    pub(crate) fn late_ns(
        &self,
        choices: &Choices,
        (from, to): (NodeId, NodeId),
        (who, occurrence): (u64, u64),
    ) -> u64 {
        let link = self.link(from, to);
        if from == to || choices.below(Question::Reordering, who, occurrence, 1_000) >= u64::from(link.late_per_mille) {
            return 0;
        }
        // Long enough to be overtaken by whatever is sent within the next few latencies.
        let high_ns = link.latency.high_ns.max(1);
        choices.between(Question::Reordering, !who, occurrence, high_ns, 4 * high_ns)
    }

    fn link(&self, from: NodeId, to: NodeId) -> Link {
        let usual = Link { latency: self.latency, ..Link::default() };
        let mut link = self.links.standing.get(&(from, to)).copied().unwrap_or(usual);
        for trouble in self.links.troubles.get(&pair(from, to)).into_iter().flatten() {
            match *trouble {
                LinkTrouble::Lossy(rate) => link.lost_per_mille = link.lost_per_mille.max(rate),
                LinkTrouble::Doubling(rate) => link.doubled_per_mille = link.doubled_per_mille.max(rate),
                LinkTrouble::Reordering(rate) => link.late_per_mille = link.late_per_mille.max(rate),
                LinkTrouble::Narrow(rate) => {
                    let bound = if link.bytes_per_s == 0 { u64::MAX } else { link.bytes_per_s };
                    link.bytes_per_s = bound.min(rate.max(1));
                }
                LinkTrouble::Slow(_) | LinkTrouble::Hold => {}
            }
        }
        link
    }

    fn extra_ns(&self, from: NodeId, to: NodeId) -> u64 {
        let troubles = self.links.troubles.get(&pair(from, to)).into_iter().flatten();
        troubles.map(|trouble| if let LinkTrouble::Slow(ns) = trouble { *ns } else { 0 }).sum()
    }

    /// Whether what would arrive is held back.
    #[inline]
    pub(crate) fn is_held(&self, from: NodeId, to: NodeId) -> bool {
        self.links_differ
            && self.links.troubles.get(&pair(from, to)).is_some_and(|troubles| troubles.contains(&LinkTrouble::Hold))
    }

    /// What is wrong with the way between two nodes.
    #[cfg(feature = "turmoil")]
    pub(crate) fn troubles(&self, a: NodeId, b: NodeId) -> &[LinkTrouble] {
        self.links.troubles.get(&pair(a, b)).map_or(&[], Vec::as_slice)
    }

    /// Whether any way is not as it should be.
    #[cfg(any(feature = "turmoil", madsim))]
    pub(crate) fn is_hindered(&self) -> bool {
        self.is_cut_anywhere() || self.links.troubles.values().any(|troubles| !troubles.is_empty())
    }

    /// Keeps back what would arrive now.
    pub(crate) fn hold(&mut self, from: NodeId, to: NodeId, due: Due) {
        self.links.held.push((pair(from, to), due));
    }
}

impl Kernel {
    /// Something goes wrong with the ways between two nodes.
    pub(crate) fn trouble_link(&mut self, a: NodeId, b: NodeId, trouble: LinkTrouble) {
        self.net.links_differ = true;
        self.net.links.troubles.entry(pair(a, b)).or_default().push(trouble);
    }

    /// It is over.
    pub(crate) fn mend_link(&mut self, a: NodeId, b: NodeId, trouble: LinkTrouble) {
        if let Some(troubles) = self.net.links.troubles.get_mut(&pair(a, b))
            && let Some(index) = troubles.iter().position(|it| *it == trouble)
        {
            troubles.remove(index);
        }
        self.release();
    }

    /// Every trouble of every link is over. Returns whether there was any.
    pub(crate) fn mend_links(&mut self) -> bool {
        let troubled = std::mem::take(&mut self.net.links.troubles).values().any(|troubles| !troubles.is_empty());
        self.release();
        troubled
    }

    /// Lets go of what is not held back any more, in the order in which it would have arrived.
    fn release(&mut self) {
        for (ends, due) in std::mem::take(&mut self.net.links.held) {
            if self.net.is_held(ends.0, ends.1) {
                self.net.links.held.push((ends, due));
            } else {
                self.sched.deadlines.at(self.sched.now_ns, due);
            }
        }
    }

    /// A datagram is gone.
    pub(crate) fn dropped(&mut self, from: NodeId, to: NodeId, bytes: usize, cause: Seq) {
        let what = What::Dropped { to, bytes: bytes as u32 };
        // A process that is over says nothing any more.
        let up = self.process.node(from).is_some_and(crate::kernel::process::node::Node::is_up);
        self.emit_at(if up { from } else { NodeId::WORLD }, cause, what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: (NodeId, NodeId) = (NodeId(0), NodeId(1));

    #[test]
    fn the_long_tail_is_golden() {
        let mean = 1_000_000;
        let samples = [0, 1, 1 << 32, 1 << 62, 1 << 63, 0xb504_f333_f9de_6484, u64::MAX];
        let shown = samples.map(|bits| exponential(bits, mean));
        assert_eq!(shown, [44_361_419, 44_361_419, 22_180_709, 1_386_294, 693_147, 346_573, 0]);
        let latency = Latency { low_ns: 100_000, high_ns: 600_000, long_tail: true };
        let choices = Choices::new(47);
        assert_eq!([0, 1, 2].map(|it| latency.draw(&choices, 3, it)), [259_032, 236_099, 471_564]);
    }

    #[test]
    fn the_long_tail_has_the_mean_and_the_shape_that_it_says() {
        let latency = Latency { low_ns: 0, high_ns: 1_000_000, long_tail: true };
        let choices = Choices::new(1);
        let mut samples: Vec<u64> = (0..100_000).map(|it| latency.draw(&choices, 1, it)).collect();
        samples.sort_unstable();
        let mean = samples.iter().sum::<u64>() / 100_000;
        assert!((985_000..1_015_000).contains(&mean), "{mean}");
        // The median of an exponential is ln 2 of its mean, its 99th percentile ln 100.
        assert!((680_000..706_000).contains(&samples[50_000]), "{}", samples[50_000]);
        assert!((4_450_000..4_760_000).contains(&samples[99_000]), "{}", samples[99_000]);
    }

    #[test]
    fn a_narrow_way_lets_one_message_through_after_the_other_each_way_by_itself() {
        let mut net = Net::default();
        net.set_link(ENDS.0, ENDS.1, Link { latency: Latency::between(5, 5), bytes_per_s: 1_000, ..Link::default() });
        let choices = Choices::new(0);
        let mut way = |ends, now_ns| net.way(&choices, now_ns, ends, (0, 0), 10).ns;
        assert_eq!([way(ENDS, 0), way(ENDS, 0), way(ENDS, 15_000_000)], [10_000_005, 20_000_005, 15_000_005]);
        assert!(way((ENDS.1, ENDS.0), 0) <= 2_000_000);
    }

    #[test]
    fn as_many_are_lost_as_the_rate_says() {
        let mut net = Net::default();
        net.set_link(ENDS.0, ENDS.1, Link { lost_per_mille: 100, ..Link::default() });
        let choices = Choices::new(2);
        let mut losses = [0; 4];
        for occurrence in 0..10_000 {
            losses[net.way(&choices, 0, ENDS, (7, occurrence), 1).losses.min(3) as usize] += 1;
        }
        assert!((8_850..9_150).contains(&losses[0]) && (800..1_000).contains(&losses[1]), "{losses:?}");
    }
}
