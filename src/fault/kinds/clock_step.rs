//! A clock step: the wall clock of a node jumps, forward or back. Monotonic time is not affected.

use crate::fault::field::Field;
use crate::fault::kind::{FaultKind, Moment, NodeNames, Strike};
use crate::fault::number::Number;
use crate::fault::outcome::Miss;
use crate::fault::ranges::ordered;
use crate::fault::words::signed;
use crate::fault::{Fault, Faults};
use crate::model::duration::nanoseconds;
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const ID: &str = "clock-step";

/// A wall clock jumps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClockStep {
    node: NodeId,
    by_ns: i64,
}

impl FaultKind for ClockStep {
    fn id(&self) -> &'static str {
        ID
    }

    fn need(&self) -> Need {
        Need::ClockSteps
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![Field::Node(&mut self.node), Field::Number(Number::Signed { at: &mut self.by_ns })]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("clock of {} steps", name(self.node))
    }

    fn details(&self) -> String {
        format!("by {}", signed(self.by_ns))
    }

    fn prepare(&self, _moment: Moment<'_, '_>) -> Result<Option<String>, Miss> {
        if self.by_ns == 0 { Err(Miss::Zero) } else { Ok(None) }
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.step_clock(self.node, self.by_ns);
        None
    }
}

impl Fault {
    /// Sets the wall clock of `node` forward by this much.
    pub fn clock_forward(node: NodeId, by: Duration) -> Self {
        Self::new(ClockStep { node, by_ns: i64::try_from(nanoseconds(by)).unwrap_or(i64::MAX) })
    }

    /// Sets the wall clock of `node` back by this much.
    pub fn clock_back(node: NodeId, by: Duration) -> Self {
        Self::new(ClockStep { node, by_ns: i64::try_from(nanoseconds(by)).map_or(i64::MIN, |ns| -ns) })
    }
}

impl Faults {
    /// Allows clock steps: the wall clock of a node jumps by `low` to `high`, forward or back, and stays there. Monotonic time is
    /// not affected.
    ///
    /// # Panics
    /// If `low` is longer than `high`.
    #[track_caller]
    pub fn clock_steps(self, low: Duration, high: Duration) -> Self {
        let by_ns = ordered(low, high);
        self.allow(ID, Need::ClockSteps, move |drawing| {
            let by_ns = i64::try_from(drawing.between("by", by_ns)).unwrap_or(i64::MAX);
            let by_ns = if drawing.below("back", 2) == 1 { -by_ns } else { by_ns };
            Some(ClockStep { node: drawing.node, by_ns })
        })
    }
}
