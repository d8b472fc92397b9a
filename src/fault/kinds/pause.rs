//! A pause: no thread of a process runs for a while, as after SIGSTOP.

use crate::fault::draw::{Drawing, ordered};
use crate::fault::kind::{Active, Decode, Draw, Drawn, FaultKind, Lift, NodeNames, Strike};
use crate::fault::number::Number;
use crate::fault::wire::{PlanReader, PlanWriter, WireError};
use crate::fault::{Fault, Faults};
use crate::model::duration::nanoseconds;
use crate::model::duration::span;
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// No thread of a process runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pause {
    pub(crate) node: NodeId,
    pub(crate) for_ns: u64,
}

impl Fault {
    /// Stops every thread of the process of `node` for this long, as SIGSTOP and SIGCONT do.
    pub fn pause(node: NodeId, lasting: Duration) -> Self {
        Pause { node, for_ns: nanoseconds(lasting) }.into()
    }
}

impl FaultKind for Pause {
    fn id(&self) -> &'static str {
        "pause"
    }

    fn need(&self) -> Need {
        Need::Pauses
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.node]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("pause {}", name(self.node))
    }

    fn details(&self) -> String {
        format!("for {}", span(self.for_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.node).number(self.for_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        // Of two pauses that overlap, the later end counts.
        let paused = strike.control.pause(self.node, strike.cause) || strike.control.is_paused(self.node);
        paused.then_some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        // The next incarnation is paused by other faults, if at all.
        let same = |other: &Active<'_>| {
            other.incarnation == lift.incarnation && Self::of(other.fault).is_some_and(|pause| pause.node == self.node)
        };
        let over = lift.control.incarnation(self.node) != lift.incarnation || lift.others.iter().any(same);
        if !over && lift.control.is_paused(self.node) {
            let cause = lift.healed();
            lift.control.resume(self.node, cause);
        }
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::lasting(&mut self.for_ns)]
    }
}

impl Decode for Pause {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { node: from.node()?, for_ns: from.number()? })
    }
}

/// Pauses as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed {
    for_ns: (u64, u64),
}

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "pause"
    }

    fn need(&self) -> Need {
        Need::Pauses
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        Some(Pause { node: drawing.node, for_ns: drawing.between("for", self.for_ns) }.into())
    }
}

impl Faults {
    /// Allows pauses of `low` to `high`: no thread of the process runs meanwhile, as after SIGSTOP or while its machine migrates.
    /// Data that arrives waits for it, data that it has sent is delivered, and its expired timers fire all at once.
    pub fn pauses(self, low: Duration, high: Duration) -> Self {
        self.allow(Allowed { for_ns: ordered(low, high) })
    }
}
