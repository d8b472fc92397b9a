//! SIGKILL, and a restart: no destructor runs, and the page cache stays.

use crate::fault::draw::Drawing;
use crate::fault::kind::{Decode, Draw, Drawn, FaultKind, NodeNames, Strike};
use crate::fault::number::Number;
use crate::fault::wire::{PlanReader, PlanWriter, WireError};
use crate::fault::{Fault, Faults};
use crate::model::duration::nanoseconds;
use crate::model::duration::span;
use crate::model::engine::Need;
use afterlife_sim::event::{Death, NodeId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A SIGKILL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kill {
    pub(crate) node: NodeId,
    pub(crate) down_ns: u64,
}

impl Fault {
    /// SIGKILL to `node`, and a restart after `down`.
    pub fn kill(node: NodeId, down: Duration) -> Self {
        Kill { node, down_ns: nanoseconds(down) }.into()
    }
}

impl FaultKind for Kill {
    fn id(&self) -> &'static str {
        "kill"
    }

    fn need(&self) -> Need {
        Need::Kills
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.node]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("kill {}", name(self.node))
    }

    fn details(&self) -> String {
        format!("down {}", span(self.down_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.node).number(self.down_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.end(self.node, Death::Kill, strike.cause);
        strike.control.start(self.node, self.down_ns);
        None
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::Long { at: &mut self.down_ns, least: 0 }]
    }
}

impl Decode for Kill {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { node: from.node()?, down_ns: from.number()? })
    }
}

/// Kills as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed;

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "kill"
    }

    fn need(&self) -> Need {
        Need::Kills
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        Some(Kill { node: drawing.node, down_ns: drawing.down_ns() }.into())
    }
}

impl Faults {
    /// Allows SIGKILL. The node restarts after its [downtime](Self::down).
    pub fn kills(self) -> Self {
        self.allow(Allowed)
    }
}
