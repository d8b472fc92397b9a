//! A clock step: the wall clock of a node jumps, forward or back. Monotonic time goes on.

use crate::fault::draw::{Drawing, ordered};
use crate::fault::kind::{Decode, Draw, Drawn, FaultKind, NodeNames, Strike};
use crate::fault::number::Number;
use crate::fault::wire::{PlanReader, PlanWriter, WireError};
use crate::fault::words::signed;
use crate::fault::{Fault, Faults};
use crate::model::duration::nanoseconds;
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A wall clock jumps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClockStep {
    pub(crate) node: NodeId,
    pub(crate) by_ns: i64,
}

impl Fault {
    /// Sets the wall clock of `node` forward by this much.
    pub fn clock_forward(node: NodeId, by: Duration) -> Self {
        ClockStep { node, by_ns: i64::try_from(nanoseconds(by)).unwrap_or(i64::MAX) }.into()
    }

    /// Sets the wall clock of `node` back by this much.
    pub fn clock_back(node: NodeId, by: Duration) -> Self {
        ClockStep { node, by_ns: i64::try_from(nanoseconds(by)).map_or(i64::MIN, |ns| -ns) }.into()
    }
}

impl FaultKind for ClockStep {
    fn id(&self) -> &'static str {
        "clock-step"
    }

    fn need(&self) -> Need {
        Need::ClockSteps
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.node]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("clock of {} steps", name(self.node))
    }

    fn details(&self) -> String {
        format!("by {}", signed(self.by_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.node).signed(self.by_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.step_clock(self.node, self.by_ns);
        None
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::Signed { at: &mut self.by_ns }]
    }
}

impl Decode for ClockStep {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { node: from.node()?, by_ns: from.signed()? })
    }
}

/// Clock steps as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed {
    by_ns: (u64, u64),
}

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "clock-step"
    }

    fn need(&self) -> Need {
        Need::ClockSteps
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        let by_ns = i64::try_from(drawing.between("by", self.by_ns)).unwrap_or(i64::MAX);
        let by_ns = if drawing.below("back", 2) == 1 { -by_ns } else { by_ns };
        Some(ClockStep { node: drawing.node, by_ns }.into())
    }
}

impl Faults {
    /// Allows wall clocks to jump by `low` to `high`, forward or back. They stay there; monotonic time goes on.
    pub fn clock_steps(self, low: Duration, high: Duration) -> Self {
        self.allow(Allowed { by_ns: ordered(low, high) })
    }
}
