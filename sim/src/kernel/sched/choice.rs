//! Keyed choices: `answer = H(seed, question, who, occurrence)`. Every decision of a seed is made here.
//! It is not a stream: an answer depends on its key alone, so that one fault less changes no other answer.

use crate::host::region::Region;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A kind of decision. The numbers are part of the seed format: they never change, and new ones are added at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u16)]
pub enum Question {
    /// The order of runnable threads: the smallest answer goes first.
    Turn = 1,
    /// The number of calls until a thread is preempted.
    Preemption = 2,
    /// The length of a stall after a preemption.
    Stall = 3,
    /// The latency of a segment or datagram.
    Latency = 4,
    /// The duration of a sync.
    Sync = 5,
    /// Bytes for `getrandom` and `/dev/urandom`.
    Entropy = 6,
    /// The data that survives a power loss.
    PowerLoss = 7,
    /// The contents of a plan.
    Plan = 8,
    /// A scenario's own random generator.
    Workload = 9,
    /// The loss of a datagram.
    Loss = 11,
    /// The place and kind of a file's damage.
    Damage = 13,
    /// The second arrival of a datagram, and its time.
    Doubling = 14,
    /// The lateness of a datagram.
    Reordering = 15,
    /// The delay before a new thread's first turn.
    Start = 16,
    /// The misbehaviour of an injection point.
    Buggify = 20,
}

/// Answers questions for one seed.
#[derive(Clone, Debug)]
pub struct Choices {
    seed: u64,
    /// The first round of hashing for each question, which depends on the seed alone.
    keys: [u64; QUESTIONS],
    /// No answer is recorded.
    plain: bool,
    /// Reserved in every run, so that recording does not change addresses.
    record: Option<Arc<Mutex<ChoiceRecord>>>,
}

/// One recorded choice of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The number of events before it.
    pub events: u64,
    /// The kind of decision.
    pub question: Question,
    /// The identity of its subject: a thread, a connection, a file.
    pub who: u64,
    /// The number of the occasion.
    pub occurrence: u64,
    /// An exclusive upper bound of the answer; 0 for any number of 64 bits.
    pub bound: u64,
    /// The answer.
    pub answer: u64,
}

/// The choices of a run so far.
struct ChoiceRecord {
    asked: Region<Asked>,
    events: u64,
    recorded: bool,
}

impl fmt::Debug for ChoiceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} asked", self.asked.values().len())
    }
}

/// The most choices that a run records; later ones are left out.
const RECORDED_MAX: usize = 2 << 20;

/// An upper bound of the numbers of questions.
const QUESTIONS: usize = 64;

const WHO: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 / golden ratio, odd: the usual Weyl increment
const OCCURRENCE: u64 = 0xd1b5_4a32_d192_ed03; // an odd constant of Steele and Vigna's LXM generators
const QUESTION: u64 = 0x8cb9_2ba7_2f3d_8dd7; // another of them

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): each input bit flips each output bit with probability 1/2.
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
        Self { seed, keys: std::array::from_fn(key), plain: true, record: None }
    }

    /// The choices of a run of this seed, recorded on demand.
    pub(crate) fn of_run(seed: u64, recorded: bool) -> Self {
        let record = Arc::new(Mutex::new(ChoiceRecord { asked: Region::reserve(RECORDED_MAX), events: 0, recorded }));
        Self { plain: !recorded, record: Some(record), ..Self::new(seed) }
    }

    /// Records later choices as made after so many events.
    pub(crate) fn set_events(&mut self, events: u64) {
        if let Some(record) = &self.record {
            record.lock().unwrap_or_else(PoisonError::into_inner).events = events;
        }
    }

    /// The recorded choices so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let record = self.record.as_ref().map(|record| record.lock().unwrap_or_else(PoisonError::into_inner));
        record.map_or_else(Vec::new, |record| record.asked.values().to_vec())
    }

    /// The seed that these answers come from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// 64 bits.
    #[inline]
    pub fn draw(&self, question: Question, who: u64, occurrence: u64) -> u64 {
        if self.plain { self.seeded(question, who, occurrence) } else { self.answered(question, who, occurrence, 0) }
    }

    #[inline]
    fn seeded(&self, question: Question, who: u64, occurrence: u64) -> u64 {
        let key = self.keys[question as usize];
        mix(mix(key ^ who.wrapping_mul(WHO)).wrapping_add(occurrence.wrapping_mul(OCCURRENCE)))
    }

    /// The answer in a run that records its choices.
    #[cold]
    fn answered(&self, question: Question, who: u64, occurrence: u64, bound: u64) -> u64 {
        let word = self.seeded(question, who, occurrence);
        let answer = if bound == 0 { word } else { scaled(word, bound) };
        if let Some(record) = &self.record {
            let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
            let events = record.events;
            if record.recorded && record.asked.values().len() < RECORDED_MAX {
                record.asked.push(Asked { events, question, who, occurrence, bound, answer });
            }
        }
        answer
    }

    /// A number in `0..bound` (0 if `bound` is 0): the high half of a widening product, as Lemire's method without its
    /// rejection; the bias is below bound / 2^64.
    #[inline]
    pub fn below(&self, question: Question, who: u64, occurrence: u64, bound: u64) -> u64 {
        match bound {
            0 => 0,
            _ if self.plain => scaled(self.seeded(question, who, occurrence), bound),
            _ => self.answered(question, who, occurrence, bound),
        }
    }

    /// A number in `low..=high`.
    #[inline]
    pub fn between(&self, question: Question, who: u64, occurrence: u64, low: u64, high: u64) -> u64 {
        debug_assert!(low <= high);
        low + self.below(question, who, occurrence, (high - low).saturating_add(1))
    }
}

/// A word of 64 bits as a number below a bound.
#[inline]
fn scaled(word: u64, bound: u64) -> u64 {
    ((u128::from(word) * u128::from(bound)) >> 64) as u64
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
        assert_ne!(first, choices.draw(Question::Preemption, 5, 6));
        assert_ne!(first, Choices::new(2).draw(Question::Turn, 5, 6));
    }

    #[test]
    fn choices_are_recorded_with_their_answers_and_the_answers_stay_the_same() {
        let ask = |choices: &mut Choices| {
            let first = choices.draw(Question::Turn, 5, 6);
            choices.set_events(3);
            (first, choices.between(Question::Latency, 1, 2, 10, 20), choices.below(Question::Sync, 1, 1, 4))
        };
        let (mut recorded, mut plain) = (Choices::of_run(1, true), Choices::of_run(1, false));
        let answers = ask(&mut recorded);
        assert_eq!(answers, ask(&mut plain));
        let asked = |events, question, who, occurrence, bound, answer| Asked {
            events,
            question,
            who,
            occurrence,
            bound,
            answer,
        };
        let expected = [
            asked(0, Question::Turn, 5, 6, 0, answers.0),
            asked(3, Question::Latency, 1, 2, 11, answers.1 - 10),
            asked(3, Question::Sync, 1, 1, 4, answers.2),
        ];
        assert_eq!((recorded.asked(), plain.asked()), (expected.to_vec(), Vec::new()));
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
