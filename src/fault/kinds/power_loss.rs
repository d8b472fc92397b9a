//! A power loss, and a restart: the machine falls silent, and unsynced data is lost.

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

/// A power loss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PowerLoss {
    pub(crate) node: NodeId,
    pub(crate) down_ns: u64,
}

impl Fault {
    /// A power loss of the machine of `node`, and a restart after `down`.
    pub fn power_loss(node: NodeId, down: Duration) -> Self {
        PowerLoss { node, down_ns: nanoseconds(down) }.into()
    }
}

impl FaultKind for PowerLoss {
    fn id(&self) -> &'static str {
        "power-loss"
    }

    fn need(&self) -> Need {
        Need::PowerLoss
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.node]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("power loss on {}", name(self.node))
    }

    fn details(&self) -> String {
        format!("down {}", span(self.down_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.node).number(self.down_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.end(self.node, Death::PowerLoss, strike.cause);
        strike.control.start(self.node, self.down_ns);
        None
    }

    /// A kill loses nothing that was written.
    fn simpler(&self) -> Vec<Fault> {
        vec![super::Kill { node: self.node, down_ns: self.down_ns }.into()]
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::Long { at: &mut self.down_ns, least: 0 }]
    }
}

impl Decode for PowerLoss {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { node: from.node()?, down_ns: from.number()? })
    }
}

/// PowerLosss as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed;

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "power-loss"
    }

    fn need(&self) -> Need {
        Need::PowerLoss
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        Some(PowerLoss { node: drawing.node, down_ns: drawing.down_ns() }.into())
    }
}

impl Faults {
    /// Allows power losses: the machine falls silent, any subset of its unsynced sectors and directory entries survives, and it starts
    /// again after its [downtime](Self::down).
    pub fn power_losses(self) -> Self {
        self.allow(Allowed)
    }
}
