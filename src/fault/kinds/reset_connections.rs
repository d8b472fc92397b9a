//! A reset of connections: every TCP connection between two nodes is reset, at both ends.

use crate::fault::draw::Drawing;
use crate::fault::kind::{Decode, Draw, Drawn, FaultKind, NodeNames, Strike};
use crate::fault::wire::{PlanReader, PlanWriter, WireError};
use crate::fault::{Fault, Faults};
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};

/// Every TCP connection between two nodes is reset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResetConnections {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
}

impl Fault {
    /// Resets every TCP connection between `a` and `b`, at both ends.
    pub fn reset_connections(a: NodeId, b: NodeId) -> Self {
        ResetConnections { from: a, to: b }.into()
    }
}

impl FaultKind for ResetConnections {
    fn id(&self) -> &'static str {
        "reset-connections"
    }

    fn need(&self) -> Need {
        Need::Resets
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.from, self.to]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("reset connections {} ↔ {}", name(self.from), name(self.to))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.from).node(self.to);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.reset_connections(self.from, self.to, strike.cause);
        None
    }
}

impl Decode for ResetConnections {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { from: from.node()?, to: from.node()? })
    }
}

/// Resets as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed;

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "reset-connections"
    }

    fn need(&self) -> Need {
        Need::Resets
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        Some(ResetConnections { from: drawing.node, to: drawing.other()? }.into())
    }
}

impl Faults {
    /// Allows resets: every TCP connection between two of the nodes is reset, at both ends.
    pub fn resets(self) -> Self {
        self.allow(Allowed)
    }
}
