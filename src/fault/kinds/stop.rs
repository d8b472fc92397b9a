//! A graceful stop: SIGTERM, a budget, then SIGKILL, and a restart.

use crate::fault::draw::{Drawing, decades};
use crate::fault::kind::{Decode, Draw, Drawn, FaultKind, NodeNames, Strike};
use crate::fault::number::Number;
use crate::fault::wire::{PlanReader, PlanWriter, WireError};
use crate::fault::{Fault, Faults, Trigger};
use crate::model::duration::nanoseconds;
use crate::model::duration::span;
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A graceful stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stop {
    pub(crate) node: NodeId,
    pub(crate) budget_ns: u64,
    pub(crate) down_ns: u64,
}

impl Fault {
    /// A stop request to `node`, SIGKILL if it has not ended after `budget`, and a restart `down` after its end.
    pub fn stop(node: NodeId, budget: Duration, down: Duration) -> Self {
        Stop { node, budget_ns: nanoseconds(budget), down_ns: nanoseconds(down) }.into()
    }
}

impl FaultKind for Stop {
    fn id(&self) -> &'static str {
        "stop"
    }

    fn need(&self) -> Need {
        Need::Stops
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.node]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("stop {}", name(self.node))
    }

    fn details(&self) -> String {
        format!("budget {}, down {}", span(self.budget_ns), span(self.down_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.node).number(self.budget_ns).number(self.down_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        if strike.control.stop(self.node, self.budget_ns, strike.cause) {
            strike.control.restart_after_exit(self.node, self.down_ns);
        }
        None
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::Long { at: &mut self.down_ns, least: 0 }]
    }
}

impl Decode for Stop {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { node: from.node()?, budget_ns: from.number()?, down_ns: from.number()? })
    }
}

/// Stops as a scenario allows them; with `again_ns`, each is requested twice.
#[derive(Clone, Debug)]
struct Stops {
    budget_ns: u64,
    again_ns: Option<u64>,
}

impl Draw for Stops {
    fn name(&self) -> &'static str {
        if self.again_ns.is_some() { "repeated-stop" } else { "stop" }
    }

    fn need(&self) -> Need {
        Need::Stops
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        let fault = Stop { node: drawing.node, budget_ns: self.budget_ns, down_ns: drawing.down_ns() };
        let again = self.again_ns.map(|most_ns| Trigger::On {
            edge: "stop requested".to_owned(),
            node: drawing.node,
            nth: 1,
            after_ns: decades(drawing, "again", most_ns),
        });
        Some(Drawn { again, ..fault.into() })
    }
}

impl Faults {
    /// Allows graceful stops: a stop request, and SIGKILL if the process has not ended after `budget`. The node restarts after
    /// its [downtime](Self::down).
    pub fn stops(self, budget: Duration) -> Self {
        self.allow(Stops { budget_ns: nanoseconds(budget), again_ns: None })
    }

    /// Allows graceful stops that are requested a second time, up to `again_within` after the first request: a second SIGTERM
    /// from an operator or a supervisor without patience. [`Node::stops`](crate::Node::stops) delivers both.
    pub fn repeated_stops(self, budget: Duration, again_within: Duration) -> Self {
        self.allow(Stops { budget_ns: nanoseconds(budget), again_ns: Some(nanoseconds(again_within)) })
    }
}
