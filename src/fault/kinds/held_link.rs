//! A held link: nothing arrives for a while, then everything does.

use crate::fault::draw::{Drawing, up_to};
use crate::fault::kind::{Decode, Draw, Drawn, FaultKind, Lift, NodeNames, Strike};
use crate::fault::number::Number;
use crate::fault::wire::{PlanReader, PlanWriter, WireError};
use crate::fault::{Fault, Faults};
use crate::model::duration::nanoseconds;
use crate::model::duration::span;
use crate::model::engine::Need;
use afterlife_sim::LinkFault;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A link holds all messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeldLink {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) for_ns: u64,
}

impl Fault {
    /// Holds all messages between `a` and `b` for this long, then delivers them.
    pub fn held_link(a: NodeId, b: NodeId, lasting: Duration) -> Self {
        HeldLink { from: a, to: b, for_ns: nanoseconds(lasting) }.into()
    }
}

impl FaultKind for HeldLink {
    fn id(&self) -> &'static str {
        "held-link"
    }

    fn need(&self) -> Need {
        Need::Holds
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.from, self.to]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("held link {} ↔ {}", name(self.from), name(self.to))
    }

    fn details(&self) -> String {
        format!("for {}", span(self.for_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.from).node(self.to).number(self.for_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.inject_link_fault(self.from, self.to, LinkFault::Hold);
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        lift.control.clear_link_fault(self.from, self.to, LinkFault::Hold);
        lift.healed();
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::lasting(&mut self.for_ns)]
    }
}

impl Decode for HeldLink {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { from: from.node()?, to: from.node()?, for_ns: from.number()? })
    }
}

/// Held links as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed {
    for_ns: (u64, u64),
}

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "held-link"
    }

    fn need(&self) -> Need {
        Need::Holds
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        let for_ns = drawing.between("for", self.for_ns);
        Some(HeldLink { from: drawing.node, to: drawing.other()?, for_ns }.into())
    }
}

impl Faults {
    /// Allows links between two of the nodes that hold all messages for a tenth of `for_at_most` up to all of it, then deliver them.
    pub fn held_links(self, for_at_most: Duration) -> Self {
        self.allow(Allowed { for_ns: up_to(for_at_most) })
    }
}
