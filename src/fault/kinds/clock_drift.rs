//! Clock drift: the clocks of a node run fast or slow for a while. The time gained or lost stays.

use crate::fault::draw::{Drawing, up_to};
use crate::fault::kind::{Decode, Draw, Drawn, FaultKind, Lift, NodeNames, Strike};
use crate::fault::number::Number;
use crate::fault::wire::{PlanReader, PlanWriter, WireError};
use crate::fault::{Fault, Faults};
use crate::model::duration::nanoseconds;
use crate::model::duration::span;
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Clocks run fast or slow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClockDrift {
    pub(crate) node: NodeId,
    pub(crate) ppm: i32,
    pub(crate) for_ns: u64,
}

impl Fault {
    /// Lets the clocks of `node` gain `ppm` millionths of each second for this long; negative numbers lose.
    pub fn clock_drift(node: NodeId, ppm: i32, lasting: Duration) -> Self {
        ClockDrift { node, ppm, for_ns: nanoseconds(lasting) }.into()
    }
}

impl FaultKind for ClockDrift {
    fn id(&self) -> &'static str {
        "clock-drift"
    }

    fn need(&self) -> Need {
        Need::ClockDrift
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.node]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("clock of {} drifts", name(self.node))
    }

    fn details(&self) -> String {
        format!("by {} ppm, for {}", self.ppm, span(self.for_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.node).signed(self.ppm.into()).number(self.for_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.skew_clock(self.node, self.ppm);
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        lift.control.skew_clock(self.node, self.ppm.saturating_neg());
        lift.healed();
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::lasting(&mut self.for_ns)]
    }
}

impl Decode for ClockDrift {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { node: from.node()?, ppm: from.signed()?, for_ns: from.number()? })
    }
}

/// Clock drift as a scenario allows it.
#[derive(Clone, Debug)]
struct Allowed {
    ppm_max: u32,
    for_ns: (u64, u64),
}

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "clock-drift"
    }

    fn need(&self) -> Need {
        Need::ClockDrift
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        let ppm = drawing.between("ppm", (0, 2 * u64::from(self.ppm_max))) as i64 - i64::from(self.ppm_max);
        Some(ClockDrift { node: drawing.node, ppm: ppm as i32, for_ns: drawing.between("for", self.for_ns) }.into())
    }
}

impl Faults {
    /// Allows clocks to run fast or slow by up to `ppm_max` millionths, for a tenth of `for_at_most` up to all of it. The time
    /// gained or lost stays.
    ///
    /// # Panics
    /// If `ppm_max` is more than 900 000: a second would be less than a tenth of one.
    pub fn clock_drift(self, ppm_max: u32, for_at_most: Duration) -> Self {
        assert!(ppm_max <= 900_000, "a drift of {ppm_max} ppm: 900000 at most, a tenth of the true rate");
        self.allow(Allowed { ppm_max, for_ns: up_to(for_at_most) })
    }
}
