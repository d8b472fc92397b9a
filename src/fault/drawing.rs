//! The draw of one injection: keyed numbers, nodes and durations.
//! It knows no kind of fault.

use super::trigger::Trigger;
use crate::model::engine::{Engine, Need};
use afterlife_sim::choice::{Choices, Question, identity, join};
use afterlife_sim::event::NodeId;

/// Shorter durations are not distinguished.
const SHORTEST_NS: u64 = 1_000;

/// The longest time between a node's start and a fault that waited for it.
const AFTER_START_NS: u64 = 1_000_000_000;

/// Draws the time between a node's start and a fault that waited for it, in nanoseconds. The answer depends on the trigger and the
/// node alone, so that it stays when another injection goes.
pub(crate) fn after_start_ns(choices: &Choices, trigger: &Trigger, node: &str) -> u64 {
    let key = join(join(identity("after start"), trigger.identity()), identity(node));
    let between = |question: &str, (low, high): (u64, u64)| {
        low + choices.below(Question::Plan, key, identity(question), (high - low).saturating_add(1))
    };
    decades(between, "delay", AFTER_START_NS)
}

/// Draws a duration of at most `most_ns`. Each power of ten is as likely as the others.
fn decades(between: impl Fn(&str, (u64, u64)) -> u64, question: &str, most_ns: u64) -> u64 {
    if most_ns <= SHORTEST_NS {
        return between(question, (0, most_ns));
    }
    let powers = (SHORTEST_NS.ilog10().into(), (most_ns - 1).ilog10().into());
    let least = 10u64.pow(between(&format!("{question}, power of ten"), powers) as u32);
    between(question, (least, most_ns.min(least.saturating_mul(10))))
}

/// The draw of one injection. Each question is keyed by its name, so that one answer does not depend on another.
#[derive(Clone, Copy)]
pub(crate) struct Drawing<'a> {
    /// The choices of the seed.
    pub(super) choices: &'a Choices,
    /// The key of the injection, which sets its answers apart from those of others.
    pub(super) key: u64,
    /// The node that the fault strikes.
    pub(super) node: NodeId,
    /// The nodes that faults of the group may strike.
    pub(super) targets: &'a [NodeId],
    /// The engine that will run the plan.
    pub(super) engine: Engine,
    /// The shortest and the longest downtime of a node.
    pub(super) down_ns: (u64, u64),
}

impl Drawing<'_> {
    /// Draws a number below `bound`.
    pub(super) fn below(&self, question: &str, bound: u64) -> u64 {
        self.choices.below(Question::Plan, self.key, identity(question), bound)
    }

    /// Draws a number from `low` to `high`.
    pub(super) fn between(&self, question: &str, (low, high): (u64, u64)) -> u64 {
        low + self.below(question, (high - low).saturating_add(1))
    }

    /// Draws a rate of 1 to `per_mille_max` in a thousand.
    pub(super) fn rate(&self, per_mille_max: u16) -> u16 {
        self.between("rate", (1, per_mille_max.into())) as u16
    }

    /// Draws a duration of at most `most_ns`. Each power of ten is as likely as the others, so that milliseconds are drawn as often
    /// as seconds.
    pub(super) fn decades(&self, question: &str, most_ns: u64) -> u64 {
        decades(|question, range| self.between(question, range), question, most_ns)
    }

    /// Draws another node, for a fault between two; `None` if it is the same.
    pub(super) fn other(&self) -> Option<NodeId> {
        let other = self.targets[self.below("other", self.targets.len() as u64) as usize];
        (other != self.node).then_some(other)
    }

    /// Draws the downtime of a node, in nanoseconds.
    pub(super) fn down_ns(&self) -> u64 {
        self.between("down", self.down_ns)
    }

    /// Returns whether the engine has this capability.
    pub(super) fn has(&self, need: Need) -> bool {
        self.engine.has(need)
    }
}
