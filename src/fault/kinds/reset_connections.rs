//! A reset of connections: every TCP connection between two nodes is reset, at both ends.

use crate::fault::field::Field;
use crate::fault::kind::{FaultKind, Moment, NodeNames, Strike};
use crate::fault::outcome::Miss;
use crate::fault::{Fault, Faults};
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};

const ID: &str = "reset-connections";

/// Every TCP connection between two nodes is reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResetConnections {
    from: NodeId,
    to: NodeId,
}

impl FaultKind for ResetConnections {
    fn id(&self) -> &'static str {
        ID
    }

    fn need(&self) -> Need {
        Need::Resets
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![Field::Node(&mut self.from), Field::Node(&mut self.to)]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("reset connections {} ↔ {}", name(self.from), name(self.to))
    }

    fn prepare(&self, moment: Moment<'_, '_>) -> Result<Option<String>, Miss> {
        if self.from == self.to {
            return Err(Miss::OneNode);
        }
        if moment.control.connections(self.from, self.to) > 0 { Ok(None) } else { Err(Miss::NoConnection) }
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.reset_connections(self.from, self.to, strike.cause);
        None
    }
}

impl Fault {
    /// Resets every TCP connection between `a` and `b`, at both ends.
    pub fn reset_connections(a: NodeId, b: NodeId) -> Self {
        Self::new(ResetConnections { from: a, to: b })
    }
}

impl Faults {
    /// Allows connection resets: every TCP connection between two of the nodes is reset, at both ends. New connections work at
    /// once.
    pub fn connection_resets(self) -> Self {
        self.allow_between(ID, Need::Resets, |drawing| {
            Some(ResetConnections { from: drawing.node, to: drawing.other()? })
        })
    }
}
