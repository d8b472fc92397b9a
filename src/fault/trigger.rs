//! The moment at which an injection strikes: a time, or an edge of a lifetime.
//! The injector of a run waits for it.

use super::wire::{PlanReader, PlanWriter, WireError};
use crate::model::duration::nanoseconds;
use afterlife_sim::choice::{identity, join};
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The moment at which an injection strikes: a time, or an edge of a lifetime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger(When);

/// A trigger, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum When {
    /// A virtual time.
    At {
        /// Nanoseconds since the start of the run.
        time_ns: u64,
    },
    /// Some time after the `nth` occurrence of an edge on a node.
    On {
        /// The edge, in the words of stories: `open metadata-db`, `phase ready`.
        edge: String,
        /// The node.
        node: NodeId,
        /// The number of the occurrence, from 1.
        nth: u32,
        /// The delay after the edge, in nanoseconds.
        after_ns: u64,
    },
}

impl Trigger {
    /// Strikes at this time after the start of the run.
    pub fn at(time: Duration) -> Self {
        When::At { time_ns: nanoseconds(time) }.into()
    }

    /// Strikes `after` the `nth` occurrence, from 1, of `edge` on `node`: see [`Faults::aimed_at`](crate::Faults::aimed_at) for the
    /// words. With an `after` of zero the fault strikes before the thread that passes the edge continues.
    ///
    /// # Panics
    /// If `nth` is 0.
    #[track_caller]
    pub fn on(node: NodeId, edge: &str, nth: u32, after: Duration) -> Self {
        assert!(nth > 0, "`nth` must be at least 1: an edge has no occurrence before the first");
        When::On { edge: edge.to_owned(), node, nth, after_ns: nanoseconds(after) }.into()
    }

    /// The time, or the edge.
    pub(crate) fn when(&self) -> &When {
        &self.0
    }

    /// The same, to change.
    pub(crate) fn when_mut(&mut self) -> &mut When {
        &mut self.0
    }

    /// Its identity for keyed choices.
    pub(super) fn identity(&self) -> u64 {
        match &self.0 {
            When::At { time_ns } => join(0, *time_ns),
            When::On { edge, nth, after_ns, .. } => join(join(identity(edge), u64::from(*nth)), *after_ns),
        }
    }

    /// The same trigger, `by_ns` later. A time is at most `until_ns`.
    pub(super) fn later(self, by_ns: u64, until_ns: u64) -> Self {
        let later = match self.0 {
            When::At { time_ns } => When::At { time_ns: time_ns.saturating_add(by_ns).min(until_ns) },
            When::On { edge, node, nth, after_ns } => {
                When::On { edge, node, nth, after_ns: after_ns.saturating_add(by_ns) }
            }
        };
        later.into()
    }

    /// Writes it into a token.
    pub(super) fn write(&self, to: &mut PlanWriter) {
        match &self.0 {
            When::At { time_ns } => to.number(0).number(*time_ns),
            When::On { edge, node, nth, after_ns } => {
                to.number(1).text(edge).node(*node).number((*nth).into()).number(*after_ns)
            }
        };
    }

    /// Reads it from a token.
    pub(super) fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        let when = match from.number()? {
            0 => When::At { time_ns: from.number()? },
            1 => When::On { edge: from.text()?, node: from.node()?, nth: from.small()?, after_ns: from.number()? },
            other => return Err(WireError::new(format!("trigger number {other}"))),
        };
        Ok(when.into())
    }
}

impl From<When> for Trigger {
    fn from(when: When) -> Self {
        Self(when)
    }
}
