//! A slow disk: each sync takes longer for a while.

use crate::fault::draw::{Drawing, ordered, up_to};
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

/// Each sync of a disk takes longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlowDisk {
    pub(crate) node: NodeId,
    pub(crate) extra_ns: u64,
    pub(crate) for_ns: u64,
}

impl SlowDisk {
    /// The extra latency of a sync that these faults add to the same disk, in nanoseconds.
    fn slowest(&self, active: &[Active<'_>]) -> u64 {
        let same = active.iter().filter_map(|other| Self::of(other.fault)).filter(|other| other.node == self.node);
        same.map(|other| other.extra_ns).max().unwrap_or(0)
    }
}

impl Fault {
    /// Makes each sync of the disk of `node` take `extra` longer, for this long. Of several, the slowest counts.
    pub fn slow_disk(node: NodeId, extra: Duration, lasting: Duration) -> Self {
        SlowDisk { node, extra_ns: nanoseconds(extra), for_ns: nanoseconds(lasting) }.into()
    }
}

impl FaultKind for SlowDisk {
    fn id(&self) -> &'static str {
        "slow-disk"
    }

    fn need(&self) -> Need {
        Need::SlowDisks
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.node]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("slow disk on {}", name(self.node))
    }

    fn details(&self) -> String {
        format!("{} a sync, for {}", span(self.extra_ns), span(self.for_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.node).number(self.extra_ns).number(self.for_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.slow_disk(self.node, self.slowest(strike.active).max(self.extra_ns));
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        let extra_ns = self.slowest(lift.others);
        lift.control.slow_disk(self.node, extra_ns);
        if extra_ns == 0 {
            lift.healed();
        }
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::lasting(&mut self.extra_ns), Number::lasting(&mut self.for_ns)]
    }
}

impl Decode for SlowDisk {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { node: from.node()?, extra_ns: from.number()?, for_ns: from.number()? })
    }
}

/// Slow disks as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed {
    extra_ns: (u64, u64),
    for_ns: (u64, u64),
}

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "slow-disk"
    }

    fn need(&self) -> Need {
        Need::SlowDisks
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        let extra_ns = drawing.between("extra", self.extra_ns);
        Some(SlowDisk { node: drawing.node, extra_ns, for_ns: drawing.between("for", self.for_ns) }.into())
    }
}

impl Faults {
    /// Allows disks whose syncs take `low` to `high` longer, for a tenth of `for_at_most` up to all of it.
    pub fn slow_disks(self, low: Duration, high: Duration, for_at_most: Duration) -> Self {
        self.allow(Allowed { extra_ns: ordered(low, high), for_ns: up_to(for_at_most) })
    }
}
