//! A stalled disk: operations that need the device do not complete for a while.

use crate::fault::draw::{Drawing, ordered};
use crate::fault::kind::{Decode, Draw, Drawn, FaultKind, Lift, NodeNames, Strike};
use crate::fault::number::Number;
use crate::fault::wire::{PlanReader, PlanWriter, WireError};
use crate::fault::{Fault, Faults};
use crate::model::duration::nanoseconds;
use crate::model::duration::span;
use crate::model::engine::Need;
use afterlife_sim::disk::DiskFault;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A disk does not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StalledDisk {
    pub(crate) node: NodeId,
    pub(crate) for_ns: u64,
}

impl Fault {
    /// Lets no operation complete that needs the disk of `node`, for this long: syncs, and reads that miss the page cache.
    pub fn stalled_disk(node: NodeId, lasting: Duration) -> Self {
        StalledDisk { node, for_ns: nanoseconds(lasting) }.into()
    }
}

impl FaultKind for StalledDisk {
    fn id(&self) -> &'static str {
        "stalled-disk"
    }

    fn need(&self) -> Need {
        Need::SlowDisks
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.node]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("stalled disk on {}", name(self.node))
    }

    fn details(&self) -> String {
        format!("for {}", span(self.for_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.node).number(self.for_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.inject_disk_fault(self.node, DiskFault::Stalled);
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        let cause = lift.healed();
        lift.control.clear_disk_faults(self.node, Some(DiskFault::Stalled), cause);
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::lasting(&mut self.for_ns)]
    }
}

impl Decode for StalledDisk {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { node: from.node()?, for_ns: from.number()? })
    }
}

/// Stalled disks as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed {
    for_ns: (u64, u64),
}

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "stalled-disk"
    }

    fn need(&self) -> Need {
        Need::SlowDisks
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        Some(StalledDisk { node: drawing.node, for_ns: drawing.between("for", self.for_ns) }.into())
    }
}

impl Faults {
    /// Allows disks that do not answer, for a hundredth of `for_at_most` up to all of it: neither syncs nor reads that miss the page
    /// cache complete.
    pub fn stalled_disks(self, for_at_most: Duration) -> Self {
        self.allow(Allowed { for_ns: ordered(for_at_most / 100, for_at_most) })
    }
}
