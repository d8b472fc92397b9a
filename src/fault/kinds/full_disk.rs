//! A full disk: no space is left for a while.

use crate::fault::shapes::disk::{BRIEF_NS, Effect, OnDisk};
use crate::fault::{Fault, Faults};
use crate::model::engine::Need;
use afterlife_sim::disk::DiskFault;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub(crate) type FullDisk = OnDisk<Full>;

/// No space is left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Full {}

impl Effect for Full {
    const ID: &'static str = "full-disk";
    const NEED: Need = Need::Disks;

    fn disk_fault(&self) -> DiskFault {
        DiskFault::Full
    }

    fn title(&self, node: &str) -> String {
        format!("full disk on {node}")
    }
}

impl Fault {
    /// Leaves no space on the disk of `node` for this long: writes fail with ENOSPC.
    pub fn full_disk(node: NodeId, lasting: Duration) -> Self {
        Self::new(FullDisk::on(node, Full {}, lasting))
    }
}

impl Faults {
    /// Allows full disks: writes fail with ENOSPC, for 1 ms to 5 s. For a disk that is small throughout, see
    /// [`Sim::disk`](crate::Sim::disk).
    pub fn full_disks(self) -> Self {
        self.disk_faults(BRIEF_NS, |_| Full {})
    }
}
