//! A stalled disk: operations that need the device do not complete for a while.

use crate::fault::ranges::ordered;
use crate::fault::shapes::disk::{Effect, OnDisk};
use crate::fault::{Fault, Faults};
use crate::model::engine::Need;
use afterlife_sim::disk::DiskFault;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub(crate) type StalledDisk = OnDisk<Stalled>;

/// The device does not answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stalled {}

impl Effect for Stalled {
    const ID: &'static str = "stalled-disk";
    const NEED: Need = Need::SlowDisks;

    fn disk_fault(&self) -> DiskFault {
        DiskFault::Stalled
    }

    fn title(&self, node: &str) -> String {
        format!("stalled disk on {node}")
    }
}

impl Fault {
    /// Completes no operation that needs the disk of `node`, for this long: syncs, and reads that miss the page cache.
    pub fn stalled_disk(node: NodeId, lasting: Duration) -> Self {
        Self::new(StalledDisk::on(node, Stalled {}, lasting))
    }
}

impl Faults {
    /// Allows stalled disks: neither syncs nor reads that miss the page cache complete, for 1% to 100% of
    /// `for_at_most`.
    pub fn stalled_disks(self, for_at_most: Duration) -> Self {
        self.disk_faults(ordered(for_at_most / 100, for_at_most), |_| Stalled {})
    }
}
