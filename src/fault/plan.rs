//! A plan: the injections of one run, as data. The seed draws one, a token carries one, the shrinker cuts one.
//! It does not act: `strike` does.

use super::kind::{FaultKind, NodeNames};
use super::kinds::AnyKind;
use super::number::Number;
use super::wire::{PlanReader, PlanWriter, WireError};
use crate::model::duration::nanoseconds;
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The faults of one run, beyond what the scenario itself does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The injections, in the order in which they were drawn; their numbers appear in events.
    pub injections: Vec<Injection>,
}

/// A fault and the trigger of its strike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injection {
    /// The moment of the strike.
    pub trigger: Trigger,
    /// The fault.
    pub fault: Fault,
}

/// The moment at which an injection strikes: a time, or an edge of a lifetime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Trigger {
    /// A virtual time.
    #[non_exhaustive]
    At {
        /// Nanoseconds since the start of the run.
        time_ns: u64,
    },
    /// Some time after the `nth` occurrence of an edge on a node.
    #[non_exhaustive]
    On {
        /// The edge, in the words of stories: `open metadata-db`, `phase ready`.
        edge: String,
        /// The node.
        node: NodeId,
        /// The number of the occurrence, from 1.
        nth: u32,
        /// Nanoseconds after it.
        after_ns: u64,
    },
}

impl Trigger {
    /// Strikes at this time after the start of the run.
    pub fn at(time: Duration) -> Self {
        Self::At { time_ns: nanoseconds(time) }
    }

    /// Strikes `after` the `nth` occurrence, from 1, of `edge` on `node`: see [`Faults::aimed_at`](crate::Faults::aimed_at) for the
    /// words. With an `after` of zero the thread that passes the edge has not gone on when the fault strikes.
    ///
    /// # Panics
    /// If `nth` is 0.
    pub fn on(node: NodeId, edge: &str, nth: u32, after: Duration) -> Self {
        assert!(nth > 0, "`nth` is 1 or more: an edge has no occurrence before the first");
        Self::On { edge: edge.to_owned(), node, nth, after_ns: nanoseconds(after) }
    }

    /// The same trigger, `by_ns` later. A time is at most `until_ns`.
    pub(super) fn later(self, by_ns: u64, until_ns: u64) -> Self {
        match self {
            Self::At { time_ns } => Self::At { time_ns: time_ns.saturating_add(by_ns).min(until_ns) },
            Self::On { edge, node, nth, after_ns } => {
                Self::On { edge, node, nth, after_ns: after_ns.saturating_add(by_ns) }
            }
        }
    }
}

/// Something done to the simulation: a process that ends, a link or a disk that misbehaves, a clock that jumps.
///
/// Each kind has a constructor: [`Fault::kill`], [`Fault::partition`], … Nodes are named by [`Group::node`](crate::Group::node).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault(pub(super) AnyKind);

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Fault {
    pub(super) fn kind(&self) -> &dyn FaultKind {
        self.0.kind()
    }

    /// The nodes that it strikes, the victim first. A link has two ends.
    pub(crate) fn targets(&self) -> Vec<NodeId> {
        self.kind().targets()
    }

    /// The first node that it strikes.
    pub(crate) fn victim(&self) -> NodeId {
        self.targets()[0]
    }

    /// The capability that an engine must have to carry it out.
    pub(crate) fn need(&self) -> Need {
        self.kind().need()
    }

    /// The fault in a few words: `stop master-0`.
    pub(crate) fn title(&self, name: NodeNames<'_>) -> String {
        self.kind().title(name)
    }

    /// Its figures: `budget 30 s, down 1 s`. Empty if it has none.
    pub(crate) fn details(&self) -> String {
        self.kind().details()
    }

    /// The node and the edge whose next occurrence lifts it early.
    pub(crate) fn lifted_at(&self) -> Option<(NodeId, &str)> {
        self.kind().lifted_at()
    }

    /// Simpler faults that may break the same claim.
    pub(crate) fn simpler(&self) -> Vec<Self> {
        self.kind().simpler()
    }

    /// Its numbers that may become smaller.
    pub(crate) fn numbers(&mut self) -> Vec<Number<'_>> {
        self.0.kind_mut().numbers()
    }
}

/// More injections than any plan has: a greater count is damage.
const INJECTIONS_MAX: u64 = 4_096;

impl Plan {
    /// The plan as bytes, for a token.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = PlanWriter::default();
        to.number(self.injections.len() as u64);
        for Injection { trigger, fault } in &self.injections {
            match trigger {
                Trigger::At { time_ns } => to.number(0).number(*time_ns),
                Trigger::On { edge, node, nth, after_ns } => {
                    to.number(1).text(edge).node(*node).number(u64::from(*nth)).number(*after_ns)
                }
            };
            fault.0.write(&mut to);
        }
        to.into_bytes()
    }

    /// Reads all of these bytes as a plan.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut from = PlanReader::new(bytes);
        let count = from.number()?;
        if count > INJECTIONS_MAX {
            return Err(WireError::new(format!("{count} injections, more than any plan has")));
        }
        let mut injections = Vec::new();
        for _ in 0..count {
            let trigger = match from.number()? {
                0 => Trigger::At { time_ns: from.number()? },
                1 => {
                    Trigger::On { edge: from.text()?, node: from.node()?, nth: from.small()?, after_ns: from.number()? }
                }
                other => return Err(WireError::new(format!("trigger number {other}"))),
            };
            injections.push(Injection { trigger, fault: Fault(AnyKind::read(&mut from)?) });
        }
        from.end()?;
        Ok(Self { injections })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::strategies::plan;
    use proptest::prelude::*;

    #[test]
    fn damaged_bytes_are_refused_by_name() {
        let refused = |bytes: &[u8]| Plan::decode(bytes).unwrap_err().to_string();
        assert_eq!(refused(&[1, 0, 5, 99]), "fault number 99");
        assert_eq!(refused(&[1, 7]), "trigger number 7");
        assert_eq!(refused(&[0, 0]), "1 bytes after its end");
        assert_eq!(refused(&[0xff, 0x7f]), "16383 injections, more than any plan has");
    }

    proptest! {
        #[test]
        fn every_plan_comes_back_from_its_bytes_and_from_json(plan in plan()) {
            prop_assert_eq!(&Plan::decode(&plan.encode()).unwrap(), &plan);
            let json = serde_json::to_string(&plan).unwrap();
            prop_assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
        }
    }
}
