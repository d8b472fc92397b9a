//! A full disk: no space is left for a while.

use crate::fault::draw::{DISK_TROUBLE_NS, Drawing};
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

/// A disk has no space left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FullDisk {
    pub(crate) node: NodeId,
    pub(crate) for_ns: u64,
}

impl Fault {
    /// Leaves no space on the disk of `node` for this long: writes fail with ENOSPC.
    pub fn full_disk(node: NodeId, lasting: Duration) -> Self {
        FullDisk { node, for_ns: nanoseconds(lasting) }.into()
    }
}

impl FaultKind for FullDisk {
    fn id(&self) -> &'static str {
        "full-disk"
    }

    fn need(&self) -> Need {
        Need::Disks
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.node]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("full disk on {}", name(self.node))
    }

    fn details(&self) -> String {
        format!("for {}", span(self.for_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.node).number(self.for_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.inject_disk_fault(self.node, DiskFault::Full);
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        let cause = lift.healed();
        lift.control.clear_disk_faults(self.node, Some(DiskFault::Full), cause);
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::lasting(&mut self.for_ns)]
    }
}

impl Decode for FullDisk {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { node: from.node()?, for_ns: from.number()? })
    }
}

/// Full disks as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed;

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "full-disk"
    }

    fn need(&self) -> Need {
        Need::Disks
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        Some(FullDisk { node: drawing.node, for_ns: drawing.between("for", DISK_TROUBLE_NS) }.into())
    }
}

impl Faults {
    /// Allows disks on which no space is left, for 1 ms to 5 s. For a disk that is small throughout, see
    /// [`Sim::disk`](crate::Sim::disk).
    pub fn full_disks(self) -> Self {
        self.allow(Allowed)
    }
}
