//! A power loss, and a restart: the machine falls silent, and unsynced data is lost.

use crate::fault::kind::Strike;
use crate::fault::shapes::sudden_end::{Cause, SuddenEnd};
use crate::fault::{Fault, Faults};
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use std::time::Duration;

pub(crate) type PowerLoss = SuddenEnd<NoPower>;

/// A power loss.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NoPower;

impl Cause for NoPower {
    const ID: &'static str = "power-loss";
    const TITLE: &'static str = "power loss on";
    const NEED: Need = Need::PowerLoss;
    const NEEDS_PROCESS: bool = false;

    fn end(strike: Strike<'_, '_>, node: NodeId, down_ns: u64) {
        strike.control.lose_power(node, down_ns, strike.cause);
    }

    /// A kill loses no written data.
    fn simpler(node: NodeId, down: Duration) -> Vec<Fault> {
        vec![Fault::kill(node, down)]
    }
}

impl Fault {
    /// Cuts the power of the machine of `node`, and restarts it after `down`. If its process has ended already, the page cache is
    /// lost, and a restart that is due stays due at its time.
    pub fn power_loss(node: NodeId, down: Duration) -> Self {
        Self::new(PowerLoss::of(node, down))
    }
}

impl Faults {
    /// Allows power losses: the machine falls silent, and any subset of its unsynced sectors and directory entries survives. The
    /// node restarts after its [`downtime`](Self::downtime), by default 100 ms to 5 s.
    pub fn power_losses(self) -> Self {
        self.sudden_ends::<NoPower>()
    }
}
