//! Links between nodes: latency, loss, bandwidth, partitions.
//! They move no message: `tcp` and `udp` ask them about each.

use crate::event::NodeId;
use crate::kernel::net::arrival::Arrival;
use crate::kernel::sched::choice::{Choices, Question, join};
use std::collections::{BTreeMap, BTreeSet};

/// The time that a message takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The least, in nanoseconds.
    pub low_ns: u64,
    /// The most, in nanoseconds; with a long tail, the mean.
    pub high_ns: u64,
    /// Exponential above the least instead of uniform, so that a few messages take many times as long as most.
    pub long_tail: bool,
}

impl Default for Latency {
    /// A small data centre: 200 µs to 2 ms.
    fn default() -> Self {
        Self::between(200_000, 2_000_000)
    }
}

impl Latency {
    /// Uniform between the two, in nanoseconds.
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

/// A sample of the exponential distribution with this mean from 64 random bits, by its inverse: mean × −ln(bits / 2^64).
/// Integers only, since floats differ in their last bits between machines: squaring yields the logarithm to base 2 bit by
/// bit.
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

/// The quality of one direction between two nodes. Rates are per thousand messages. TCP sends a lost segment again; a lost
/// datagram is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The time that a message takes.
    pub latency: Latency,
    /// Messages lost.
    pub lost_per_mille: u16,
    /// Datagrams that arrive twice.
    pub doubled_per_mille: u16,
    /// Datagrams that arrive after some that were sent later.
    pub late_per_mille: u16,
    /// Bandwidth in bytes per second; 0 for no bound. Messages beyond it queue, separately in each direction.
    pub bytes_per_s: u64,
}

/// A fault of the link between two nodes, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkFault {
    /// Each message takes this many nanoseconds longer.
    Slow(u64),
    /// The number of messages per thousand that are lost.
    Lossy(u16),
    /// Nothing arrives until the fault ends; then everything does.
    Hold,
    /// The number of datagrams per thousand that arrive twice.
    Doubling(u16),
    /// The number of datagrams per thousand that arrive late.
    Reordering(u16),
    /// The bandwidth in bytes per second.
    Narrow(u64),
}

/// Every link.
#[derive(Default)]
pub(crate) struct Links {
    /// The latency of links that were not set.
    latency: Latency,
    /// Some link was set or faulty.
    differ: bool,
    set: BTreeMap<(NodeId, NodeId), Link>,
    /// By pair, the lower number first.
    faults: BTreeMap<(NodeId, NodeId), Vec<LinkFault>>,
    /// Directions in which nothing passes.
    partitions: BTreeSet<(NodeId, NodeId)>,
    /// The time at which a narrow direction is free again.
    busy_until_ns: BTreeMap<(NodeId, NodeId), u64>,
    /// Messages that were held up, in the order of their arrival.
    held: Vec<((NodeId, NodeId), Arrival)>,
}

/// The transit of one message.
pub(crate) struct Transit {
    /// Nanoseconds from now.
    pub(crate) delay_ns: u64,
    /// The number of times that it was lost before it got through.
    pub(crate) losses: u32,
}

fn pair(a: NodeId, b: NodeId) -> (NodeId, NodeId) {
    (a.min(b), a.max(b))
}

/// The latency of Linux's loopback device, scheduling included.
const LOOPBACK: Latency = Latency::between(10_000, 40_000);

impl Links {
    pub(crate) fn new(latency: Latency) -> Self {
        Self { latency, ..Self::default() }
    }

    /// Sets one direction.
    pub(crate) fn set(&mut self, from: NodeId, to: NodeId, link: Link) {
        self.differ = true;
        self.set.insert((from, to), link);
    }

    /// Returns whether some link was set or faulty.
    #[inline]
    pub(crate) fn differ(&self) -> bool {
        self.differ
    }

    // -- partitions

    /// Returns whether nothing passes in this direction.
    #[inline]
    pub(crate) fn is_partitioned(&self, from: NodeId, to: NodeId) -> bool {
        !self.partitions.is_empty() && self.partitions.contains(&(from, to))
    }

    /// Returns whether any direction is partitioned.
    #[allow(dead_code, reason = "guest engines alone call this")]
    pub(crate) fn any_partition(&self) -> bool {
        !self.partitions.is_empty()
    }

    /// Partitions one direction.
    pub(crate) fn partition(&mut self, from: NodeId, to: NodeId) {
        if from != to {
            self.partitions.insert((from, to));
        }
    }

    /// Heals one direction.
    pub(crate) fn heal(&mut self, from: NodeId, to: NodeId) {
        self.partitions.remove(&(from, to));
    }

    /// Heals every partition. Returns whether there was one.
    pub(crate) fn heal_all(&mut self) -> bool {
        !std::mem::take(&mut self.partitions).is_empty()
    }

    // -- faults

    /// Injects a fault between two nodes.
    pub(crate) fn inject_fault(&mut self, a: NodeId, b: NodeId, fault: LinkFault) {
        self.differ = true;
        self.faults.entry(pair(a, b)).or_default().push(fault);
    }

    /// Clears a fault; of two equal ones, one.
    pub(crate) fn clear_fault(&mut self, a: NodeId, b: NodeId, fault: LinkFault) {
        if let Some(faults) = self.faults.get_mut(&pair(a, b))
            && let Some(index) = faults.iter().position(|begun| *begun == fault)
        {
            faults.remove(index);
        }
    }

    /// Clears every fault. Returns whether there was one.
    pub(crate) fn clear_faults(&mut self) -> bool {
        std::mem::take(&mut self.faults).values().any(|faults| !faults.is_empty())
    }

    /// The faults between two nodes.
    #[allow(dead_code, reason = "guest engines alone call this")]
    pub(crate) fn faults(&self, a: NodeId, b: NodeId) -> &[LinkFault] {
        self.faults.get(&pair(a, b)).map_or(&[], Vec::as_slice)
    }

    /// Returns whether any link is partitioned or faulty.
    #[allow(dead_code, reason = "guest engines alone call this")]
    pub(crate) fn is_disturbed(&self) -> bool {
        self.any_partition() || self.faults.values().any(|faults| !faults.is_empty())
    }

    /// Returns whether messages between two nodes are held up.
    #[inline]
    pub(crate) fn is_held(&self, from: NodeId, to: NodeId) -> bool {
        self.differ && self.faults.get(&pair(from, to)).is_some_and(|faults| faults.contains(&LinkFault::Hold))
    }

    /// Holds up a message that would arrive now.
    pub(crate) fn hold(&mut self, from: NodeId, to: NodeId, arrival: Arrival) {
        self.held.push((pair(from, to), arrival));
    }

    /// Takes the messages that are held up no more, in the order of their arrival.
    pub(crate) fn take_released(&mut self) -> Vec<Arrival> {
        let mut released = Vec::new();
        for (ends, arrival) in std::mem::take(&mut self.held) {
            if self.is_held(ends.0, ends.1) {
                self.held.push((ends, arrival));
            } else {
                released.push(arrival);
            }
        }
        released
    }

    // -- transit

    /// The delay of a TCP segment in nanoseconds. `retransmit_ns` is the sender's first retransmission timeout, which
    /// doubles with each loss.
    #[inline]
    pub(crate) fn segment_delay_ns(
        &mut self,
        choices: &Choices,
        now_ns: u64,
        (from, to): (NodeId, NodeId),
        (who, occurrence): (u64, u64),
        bytes: usize,
        retransmit_ns: u64,
    ) -> u64 {
        if !self.differ {
            let latency = if from == to { LOOPBACK } else { self.latency };
            return choices.between(Question::Latency, who, occurrence, latency.low_ns, latency.high_ns);
        }
        let transit = self.transit(choices, now_ns, (from, to), (who, occurrence), bytes);
        transit.delay_ns.saturating_add(retransmit_ns * ((1_u64 << transit.losses) - 1))
    }

    /// The transit of a message of this size.
    pub(crate) fn transit(
        &mut self,
        choices: &Choices,
        now_ns: u64,
        (from, to): (NodeId, NodeId),
        (who, occurrence): (u64, u64),
        bytes: usize,
    ) -> Transit {
        /// A sender would give up if a message were lost more often.
        const LOSSES_MAX: u32 = 10;
        if from == to || !self.differ {
            let latency = if from == to { LOOPBACK } else { self.latency };
            return Transit { delay_ns: latency.draw(choices, who, occurrence), losses: 0 };
        }
        let link = self.link(from, to);
        let mut delay_ns = link.latency.draw(choices, who, occurrence).saturating_add(self.slow_ns(from, to));
        if link.bytes_per_s > 0 {
            let busy_ns = self.busy_until_ns.entry((from, to)).or_insert(0);
            let passes_ns = (bytes as u128 * 1_000_000_000).div_ceil(u128::from(link.bytes_per_s));
            *busy_ns = (*busy_ns).max(now_ns).saturating_add(u64::try_from(passes_ns).unwrap_or(u64::MAX));
            delay_ns = delay_ns.saturating_add(*busy_ns - now_ns);
        }
        let is_lost = |attempt: u32| {
            let draw = choices.below(Question::Loss, who, join(occurrence, u64::from(attempt)), 1_000);
            draw < u64::from(link.lost_per_mille)
        };
        let losses = (0..LOSSES_MAX).take_while(|attempt| link.lost_per_mille > 0 && is_lost(*attempt)).count() as u32;
        Transit { delay_ns, losses }
    }

    /// The time after which a datagram arrives again, if it does.
    pub(crate) fn duplicate_after_ns(
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

    /// The extra delay of a datagram that later ones overtake, or 0.
    pub(crate) fn reorder_ns(
        &self,
        choices: &Choices,
        (from, to): (NodeId, NodeId),
        (who, occurrence): (u64, u64),
    ) -> u64 {
        let link = self.link(from, to);
        if from == to || choices.below(Question::Reordering, who, occurrence, 1_000) >= u64::from(link.late_per_mille) {
            return 0;
        }
        // Long enough for all that is sent within the next few latencies to overtake it.
        let high_ns = link.latency.high_ns.max(1);
        choices.between(Question::Reordering, !who, occurrence, high_ns, 4 * high_ns)
    }

    /// The quality of one direction, with the faults between its ends.
    fn link(&self, from: NodeId, to: NodeId) -> Link {
        let usual = Link { latency: self.latency, ..Link::default() };
        let mut link = self.set.get(&(from, to)).copied().unwrap_or(usual);
        for fault in self.faults.get(&pair(from, to)).into_iter().flatten() {
            match *fault {
                LinkFault::Lossy(rate) => link.lost_per_mille = link.lost_per_mille.max(rate),
                LinkFault::Doubling(rate) => link.doubled_per_mille = link.doubled_per_mille.max(rate),
                LinkFault::Reordering(rate) => link.late_per_mille = link.late_per_mille.max(rate),
                LinkFault::Narrow(rate) => {
                    let bound = if link.bytes_per_s == 0 { u64::MAX } else { link.bytes_per_s };
                    link.bytes_per_s = bound.min(rate.max(1));
                }
                LinkFault::Slow(_) | LinkFault::Hold => {}
            }
        }
        link
    }

    fn slow_ns(&self, from: NodeId, to: NodeId) -> u64 {
        let faults = self.faults.get(&pair(from, to)).into_iter().flatten();
        faults.map(|fault| if let LinkFault::Slow(ns) = fault { *ns } else { 0 }).sum()
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
        assert_eq!([0, 1, 2].map(|occurrence| latency.draw(&choices, 3, occurrence)), [259_032, 236_099, 471_564]);
    }

    #[test]
    fn the_long_tail_is_exponential_with_the_given_mean() {
        let latency = Latency { low_ns: 0, high_ns: 1_000_000, long_tail: true };
        let choices = Choices::new(1);
        let mut samples: Vec<u64> = (0..100_000).map(|occurrence| latency.draw(&choices, 1, occurrence)).collect();
        samples.sort_unstable();
        let mean = samples.iter().sum::<u64>() / 100_000;
        assert!((985_000..1_015_000).contains(&mean), "{mean}");
        // The median of an exponential is ln 2 of its mean, its 99th percentile ln 100.
        assert!((680_000..706_000).contains(&samples[50_000]), "{}", samples[50_000]);
        assert!((4_450_000..4_760_000).contains(&samples[99_000]), "{}", samples[99_000]);
    }

    #[test]
    fn a_narrow_link_passes_one_message_after_the_other_in_each_direction() {
        let mut links = Links::default();
        links.set(ENDS.0, ENDS.1, Link { latency: Latency::between(5, 5), bytes_per_s: 1_000, ..Link::default() });
        let choices = Choices::new(0);
        let mut delay_ns = |ends, now_ns| links.transit(&choices, now_ns, ends, (0, 0), 10).delay_ns;
        assert_eq!(
            [delay_ns(ENDS, 0), delay_ns(ENDS, 0), delay_ns(ENDS, 15_000_000)],
            [10_000_005, 20_000_005, 15_000_005]
        );
        assert!(delay_ns((ENDS.1, ENDS.0), 0) <= 2_000_000);
    }

    #[test]
    fn losses_match_the_rate() {
        let mut links = Links::default();
        links.set(ENDS.0, ENDS.1, Link { lost_per_mille: 100, ..Link::default() });
        let choices = Choices::new(2);
        let mut losses = [0; 4];
        for occurrence in 0..10_000 {
            losses[links.transit(&choices, 0, ENDS, (7, occurrence), 1).losses.min(3) as usize] += 1;
        }
        assert!((8_850..9_150).contains(&losses[0]) && (800..1_000).contains(&losses[1]), "{losses:?}");
    }
}
