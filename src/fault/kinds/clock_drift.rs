//! Clock drift: the clocks of a node run fast or slow for a while. The time gained or lost stays.

use crate::fault::field::Field;
use crate::fault::kind::{FaultKind, Lift, Moment, NodeNames, Strike};
use crate::fault::outcome::Miss;
use crate::fault::ranges::up_to;
use crate::fault::{Fault, Faults};
use crate::model::duration::{nanoseconds, span};
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const ID: &str = "clock-drift";

/// Clocks run fast or slow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClockDrift {
    node: NodeId,
    ppm: i32,
    for_ns: u64,
}

impl FaultKind for ClockDrift {
    fn id(&self) -> &'static str {
        ID
    }

    fn need(&self) -> Need {
        Need::ClockDrift
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![Field::Node(&mut self.node), Field::Fixed(&mut self.ppm), Field::lasting(&mut self.for_ns)]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("clock of {} drifts", name(self.node))
    }

    fn details(&self) -> String {
        format!("by {} ppm, for {}", self.ppm, span(self.for_ns))
    }

    fn prepare(&self, _moment: Moment<'_, '_>) -> Result<Option<String>, Miss> {
        if self.ppm == 0 { Err(Miss::Zero) } else { Ok(None) }
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.skew_clock(self.node, self.ppm);
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        lift.control.skew_clock(self.node, self.ppm.saturating_neg());
        lift.healed();
    }
}

impl Fault {
    /// Lets the clocks of `node` gain `ppm` microseconds each second for this long; with a negative number they lose.
    pub fn clock_drift(node: NodeId, ppm: i32, lasting: Duration) -> Self {
        Self::new(ClockDrift { node, ppm, for_ns: nanoseconds(lasting) })
    }
}

impl Faults {
    /// Allows clock drift: the clocks of a node run fast or slow by up to `ppm_max` microseconds each second, for 10% to
    /// 100% of `for_at_most`. The time gained or lost stays.
    ///
    /// # Panics
    /// If `ppm_max` is more than 900 000: a clock runs at no less than a tenth of its true rate.
    #[track_caller]
    pub fn clock_drift(self, ppm_max: u32, for_at_most: Duration) -> Self {
        assert!(ppm_max <= 900_000, "a drift of {ppm_max} ppm: at most 900000, to keep a tenth of the true rate");
        let for_ns = up_to(for_at_most);
        self.allow(ID, Need::ClockDrift, move |drawing| {
            let ppm = drawing.between("ppm", (0, 2 * u64::from(ppm_max))) as i64 - i64::from(ppm_max);
            Some(ClockDrift { node: drawing.node, ppm: ppm as i32, for_ns: drawing.between("for", for_ns) })
        })
    }
}
