//! Disk errors: reads, writes or syncs fail with EIO for a while.
//! The data of a failed sync is lost, and the next sync succeeds, as on Linux.

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

/// A disk gives EIO.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DiskErrors {
    pub(crate) node: NodeId,
    pub(crate) operation: Operation,
    pub(crate) for_ns: u64,
}

/// The operations that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Operation {
    Read,
    Write,
    Sync,
}

impl Operation {
    const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Sync];

    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
        }
    }

    fn disk_fault(self) -> DiskFault {
        match self {
            Self::Read => DiskFault::FailingReads,
            Self::Write => DiskFault::FailingWrites,
            Self::Sync => DiskFault::FailingSyncs,
        }
    }
}

impl Fault {
    /// Fails every read of `node` that misses the page cache with EIO, for this long.
    pub fn disk_read_errors(node: NodeId, lasting: Duration) -> Self {
        DiskErrors { node, operation: Operation::Read, for_ns: nanoseconds(lasting) }.into()
    }

    /// Fails every write of `node` with EIO, for this long.
    pub fn disk_write_errors(node: NodeId, lasting: Duration) -> Self {
        DiskErrors { node, operation: Operation::Write, for_ns: nanoseconds(lasting) }.into()
    }

    /// Fails every sync of `node` with EIO, for this long. The data is lost, and the next sync succeeds, as on Linux.
    pub fn disk_sync_errors(node: NodeId, lasting: Duration) -> Self {
        DiskErrors { node, operation: Operation::Sync, for_ns: nanoseconds(lasting) }.into()
    }
}

impl FaultKind for DiskErrors {
    fn id(&self) -> &'static str {
        "disk-errors"
    }

    fn need(&self) -> Need {
        Need::Disks
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.node]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("failing {}s on the disk of {}", self.operation.name(), name(self.node))
    }

    fn details(&self) -> String {
        format!("for {}", span(self.for_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.node).number(self.operation as u64).number(self.for_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.inject_disk_fault(self.node, self.operation.disk_fault());
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        let cause = lift.healed();
        lift.control.clear_disk_faults(self.node, Some(self.operation.disk_fault()), cause);
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::lasting(&mut self.for_ns)]
    }
}

impl Decode for DiskErrors {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        let node = from.node()?;
        let operation = match from.number()? {
            0 => Operation::Read,
            1 => Operation::Write,
            2 => Operation::Sync,
            other => return Err(WireError::new(format!("{other} for a disk operation"))),
        };
        Ok(Self { node, operation, for_ns: from.number()? })
    }
}

/// Disk errors as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed;

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "disk-errors"
    }

    fn need(&self) -> Need {
        Need::Disks
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        let operation = Operation::ALL[drawing.below("operation", 3) as usize];
        Some(DiskErrors { node: drawing.node, operation, for_ns: drawing.between("for", DISK_TROUBLE_NS) }.into())
    }
}

impl Faults {
    /// Allows disks that give EIO for 1 ms to 5 s: for all reads that miss the page cache, for all writes, or for all syncs. The
    /// data of a failed sync is lost, and the next sync succeeds, as on Linux.
    pub fn disk_errors(self) -> Self {
        self.allow(Allowed)
    }
}
