//! Disk errors: reads, writes or syncs fail with EIO for a while.
//! The data of a failed sync is lost, and the next sync succeeds, as on Linux.

use crate::fault::field::{Field, Value};
use crate::fault::shapes::disk::{BRIEF_NS, Effect, OnDisk};
use crate::fault::wire::{PlanReader, PlanWriter, WireError};
use crate::fault::{Fault, Faults};
use crate::model::engine::Need;
use afterlife_sim::disk::DiskFault;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub(crate) type DiskErrors = OnDisk<Failing>;

/// One kind of operation fails.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failing {
    operation: Operation,
}

/// The operations that fail. Their order is part of tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Operation {
    #[default]
    Read,
    Write,
    Sync,
}

impl Operation {
    const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Sync];
}

impl Value for Operation {
    fn write(&self, to: &mut PlanWriter) {
        to.number(*self as u64);
    }

    fn read(&mut self, from: &mut PlanReader<'_>) -> Result<(), WireError> {
        let number = from.number()?;
        let found = usize::try_from(number).ok().and_then(|number| Self::ALL.get(number));
        *self = *found.ok_or_else(|| WireError::new(format!("disk operation number {number}")))?;
        Ok(())
    }
}

impl Effect for Failing {
    const ID: &'static str = "disk-errors";
    const NEED: Need = Need::Disks;

    fn disk_fault(&self) -> DiskFault {
        match self.operation {
            Operation::Read => DiskFault::FailingReads,
            Operation::Write => DiskFault::FailingWrites,
            Operation::Sync => DiskFault::FailingSyncs,
        }
    }

    fn title(&self, node: &str) -> String {
        let operations = match self.operation {
            Operation::Read => "reads",
            Operation::Write => "writes",
            Operation::Sync => "syncs",
        };
        format!("failing {operations} on the disk of {node}")
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![Field::Fixed(&mut self.operation)]
    }
}

impl Fault {
    /// Fails every read of `node` that misses the page cache with EIO, for this long.
    pub fn disk_read_errors(node: NodeId, lasting: Duration) -> Self {
        Self::new(DiskErrors::on(node, Failing { operation: Operation::Read }, lasting))
    }

    /// Fails every write of `node` with EIO, for this long.
    pub fn disk_write_errors(node: NodeId, lasting: Duration) -> Self {
        Self::new(DiskErrors::on(node, Failing { operation: Operation::Write }, lasting))
    }

    /// Fails every sync of `node` with EIO, for this long. The data is lost, and the next sync succeeds, as on Linux.
    pub fn disk_sync_errors(node: NodeId, lasting: Duration) -> Self {
        Self::new(DiskErrors::on(node, Failing { operation: Operation::Sync }, lasting))
    }
}

impl Faults {
    /// Allows disk errors: all reads that miss the page cache, all writes, or all syncs of a node fail with EIO, for 1 ms to 5 s.
    /// The data of a failed sync is lost, and the next sync succeeds, as on Linux.
    pub fn disk_errors(self) -> Self {
        self.disk_faults(BRIEF_NS, |drawing| Failing {
            operation: Operation::ALL[drawing.below("operation", 3) as usize],
        })
    }
}
