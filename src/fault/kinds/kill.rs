//! SIGKILL, and a restart: no destructor runs, and the page cache survives.

use crate::fault::kind::Strike;
use crate::fault::shapes::sudden_end::{Cause, SuddenEnd};
use crate::fault::{Fault, Faults};
use crate::model::engine::Need;
use afterlife_sim::event::{Death, NodeId};
use std::time::Duration;

pub(crate) type Kill = SuddenEnd<Sigkill>;

/// SIGKILL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sigkill;

impl Cause for Sigkill {
    const ID: &'static str = "kill";
    const TITLE: &'static str = "kill";
    const NEED: Need = Need::Kills;
    const NEEDS_PROCESS: bool = true;

    fn end(strike: Strike<'_, '_>, node: NodeId, down_ns: u64) {
        strike.control.restart_after_exit(node, down_ns);
        strike.control.end(node, Death::Kill, strike.cause);
    }
}

impl Fault {
    /// Sends SIGKILL to `node`, and restarts it after `down`.
    pub fn kill(node: NodeId, down: Duration) -> Self {
        Self::new(Kill::of(node, down))
    }
}

impl Faults {
    /// Allows SIGKILL: no destructor runs, and the page cache survives. The node restarts after its [`downtime`](Self::downtime),
    /// by default 100 ms to 5 s.
    pub fn kills(self) -> Self {
        self.sudden_ends::<Sigkill>()
    }
}
