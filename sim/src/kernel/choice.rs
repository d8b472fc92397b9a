//! Keyed choices: `answer = H(seed, question, who, occurrence)`. Everything that a seed decides is asked here.
//! It is no stream: an answer depends on its key alone, so that removing one fault does not re-randomise the rest.

use std::collections::BTreeMap;

/// What is asked. The numbers are part of the seed format: they never change, new ones are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum Question {
    /// Which runnable thread goes first: the one whose answer is smallest.
    Turn = 1,
    /// After how many doors a thread is cut off.
    Doors = 2,
    /// How long a thread that was cut off is kept waiting.
    Stall = 3,
    /// How long a segment or datagram is on its way.
    Latency = 4,
    /// How long a sync takes.
    Sync = 5,
    /// Bytes for `getrandom` and `/dev/urandom`.
    Entropy = 6,
    /// What a power loss keeps.
    PowerLoss = 7,
    /// What a plan consists of.
    Plan = 8,
    /// A scenario's own generator.
    Workload = 9,
    /// How often threads are cut off in this run.
    Schedule = 10,
    /// Whether a datagram is lost.
    Loss = 11,
    /// Which runs a campaign repeats.
    Repeat = 12,
    /// Where and how a file is damaged.
    Damage = 13,
    /// Whether a datagram arrives twice, and when.
    Doubling = 14,
    /// Whether a datagram arrives late, and how late.
    Reordering = 15,
    /// Whether a place that may misbehave does.
    Buggify = 20,
}

/// Answers questions for one seed.
#[derive(Clone, Debug)]
pub struct Choices {
    seed: u64,
    /// The first round for each question: it depends on the seed alone.
    keys: [u64; QUESTIONS],
    overrides: BTreeMap<(Question, u64, u64), u64>,
}

/// More than there are questions.
const QUESTIONS: usize = 64;

const WHO: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 / golden ratio, odd: the usual Weyl increment
const OCCURRENCE: u64 = 0xd1b5_4a32_d192_ed03; // an odd constant of Steele and Vigna's LXM generators
const QUESTION: u64 = 0x8cb9_2ba7_2f3d_8dd7; // another of them

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): each input bit changes each output bit with odds of a half.
#[inline]
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Joins two identities into one, in this order.
#[inline]
pub fn join(a: u64, b: u64) -> u64 {
    mix(a.wrapping_mul(WHO) ^ b.wrapping_add(OCCURRENCE))
}

/// The identity of a name.
pub fn identity(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| join(hash, u64::from(byte)))
}

impl Choices {
    /// The choices of a seed.
    pub fn new(seed: u64) -> Self {
        let key = |question: usize| mix(seed ^ (question as u64).wrapping_mul(QUESTION));
        Self { seed, keys: std::array::from_fn(key), overrides: BTreeMap::new() }
    }

    /// The seed that these answers come from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Fixes one answer, whatever the seed says.
    pub fn fix(&mut self, question: Question, who: u64, occurrence: u64, answer: u64) {
        self.overrides.insert((question, who, occurrence), answer);
    }

    /// 64 bits.
    #[inline]
    pub fn draw(&self, question: Question, who: u64, occurrence: u64) -> u64 {
        if !self.overrides.is_empty()
            && let Some(answer) = self.overrides.get(&(question, who, occurrence))
        {
            return *answer;
        }
        let key = self.keys[question as usize];
        mix(mix(key ^ who.wrapping_mul(WHO)).wrapping_add(occurrence.wrapping_mul(OCCURRENCE)))
    }

    /// A number in `0..bound` (0 if `bound` is 0): the high half of a widening product, as Lemire's method without its
    /// rejection; the bias is below bound / 2^64.
    #[inline]
    pub fn below(&self, question: Question, who: u64, occurrence: u64, bound: u64) -> u64 {
        ((u128::from(self.draw(question, who, occurrence)) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `low..=high`.
    #[inline]
    pub fn between(&self, question: Question, who: u64, occurrence: u64, low: u64, high: u64) -> u64 {
        debug_assert!(low <= high);
        low + self.below(question, who, occurrence, (high - low).saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seed is a file format: these numbers may only change together with a **[seeds]** line in the changelog.
    #[test]
    fn the_answers_are_golden() {
        let choices = Choices::new(47);
        assert_eq!(choices.draw(Question::Turn, 0, 0), 0x35d8_a62a_b908_88a8);
        assert_eq!(choices.draw(Question::Latency, 3, 9), 0x16b2_0e22_2874_0689);
        assert_eq!(choices.below(Question::Plan, identity("raft-master"), 1, 1_000), 742);
        assert_eq!(choices.between(Question::Stall, 1, 2, 10, 20), 12);
        assert_eq!(Choices::new(0).draw(Question::Entropy, u64::MAX, u64::MAX), 0xc023_f874_ca88_e3bb);
        assert_eq!(identity("metadata-db"), 0xba11_1864_79d6_ab8e);
    }

    #[test]
    fn an_answer_depends_on_its_key_alone() {
        let choices = Choices::new(1);
        let first = choices.draw(Question::Turn, 5, 6);
        choices.draw(Question::Turn, 5, 7);
        assert_eq!(first, choices.draw(Question::Turn, 5, 6));
        assert_ne!(first, choices.draw(Question::Doors, 5, 6));
        assert_ne!(first, Choices::new(2).draw(Question::Turn, 5, 6));
    }

    #[test]
    fn a_fixed_answer_overrides_the_seed() {
        let mut choices = Choices::new(1);
        choices.fix(Question::Turn, 5, 6, 42);
        assert_eq!(choices.draw(Question::Turn, 5, 6), 42);
        assert_ne!(choices.draw(Question::Turn, 5, 7), 42);
    }

    #[test]
    fn bounded_answers_stay_in_bounds_and_reach_both_ends() {
        let choices = Choices::new(3);
        let mut seen = [false; 7];
        for occurrence in 0..1_000 {
            seen[choices.below(Question::Plan, 0, occurrence, 7) as usize] = true;
            let between = choices.between(Question::Plan, 1, occurrence, 5, 6);
            assert!((5..=6).contains(&between));
        }
        assert_eq!(seen, [true; 7]);
        assert_eq!(choices.below(Question::Plan, 0, 0, 0), 0);
    }
}
