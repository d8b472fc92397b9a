//! A graceful stop: SIGTERM, a budget, then SIGKILL, and a restart.

use crate::fault::faults::Drawn;
use crate::fault::field::Field;
use crate::fault::kind::{FaultKind, NodeNames, Strike};
use crate::fault::{Fault, Faults, When};
use crate::model::duration::{nanoseconds, span};
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A graceful stop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stop {
    node: NodeId,
    budget_ns: u64,
    down_ns: u64,
}

impl FaultKind for Stop {
    fn id(&self) -> &'static str {
        "stop"
    }

    fn need(&self) -> Need {
        Need::Stops
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![Field::Node(&mut self.node), Field::Fixed(&mut self.budget_ns), Field::from_zero(&mut self.down_ns)]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("stop {}", name(self.node))
    }

    fn details(&self) -> String {
        format!("budget {}, down {}", span(self.budget_ns), span(self.down_ns))
    }

    fn needs_process(&self) -> bool {
        true
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        if strike.control.stop(self.node, self.budget_ns, strike.cause) {
            strike.control.restart_after_exit(self.node, self.down_ns);
        }
        None
    }
}

impl Fault {
    /// Sends a stop request to `node`, then SIGKILL if it has not ended after `budget`, and restarts it `down` after its end.
    pub fn stop(node: NodeId, budget: Duration, down: Duration) -> Self {
        Self::new(Stop { node, budget_ns: nanoseconds(budget), down_ns: nanoseconds(down) })
    }
}

impl Faults {
    /// Allows graceful stops: a stop request, and SIGKILL if the process has not ended after `budget` of virtual time. The node
    /// restarts after its [`downtime`](Self::downtime), by default 100 ms to 5 s.
    pub fn stops(self, budget: Duration) -> Self {
        let budget_ns = nanoseconds(budget);
        self.allow("stop", Need::Stops, move |drawing| {
            Some(Stop { node: drawing.node, budget_ns, down_ns: drawing.down_ns() })
        })
    }

    /// Allows graceful stops that are requested twice, as by an impatient operator or supervisor. The second request comes
    /// at most `again_within` after the first, and each power of ten of the time between is as likely as the others.
    /// [`Node::stop_requests`](crate::Node::stop_requests) delivers both. The budget and the downtime are as in
    /// [`stops`](Self::stops).
    pub fn repeated_stops(self, budget: Duration, again_within: Duration) -> Self {
        let (budget_ns, again_ns) = (nanoseconds(budget), nanoseconds(again_within));
        self.allow("repeated-stop", Need::Stops, move |drawing| {
            let again = When::On {
                edge: "stop requested".to_owned(),
                node: drawing.node,
                nth: 1,
                after_ns: drawing.decades("again", again_ns),
            };
            let stop = Stop { node: drawing.node, budget_ns, down_ns: drawing.down_ns() };
            Some(Drawn { again: Some(again.into()), ..stop.into() })
        })
    }
}
