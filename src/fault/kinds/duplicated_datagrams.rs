//! Duplicated datagrams: some datagrams between two nodes arrive twice for a while. TCP is not affected.

use crate::fault::draw::{Drawing, rate, up_to};
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

/// A link delivers datagrams twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DuplicatedDatagrams {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) per_mille: u16,
    pub(crate) for_ns: u64,
}

impl Fault {
    /// Delivers `per_mille` of a thousand datagrams between `a` and `b` twice, for this long.
    ///
    /// # Panics
    /// If `per_mille` is not 1 to 1 000.
    pub fn duplicated_datagrams(a: NodeId, b: NodeId, per_mille: u16, lasting: Duration) -> Self {
        DuplicatedDatagrams { from: a, to: b, per_mille: rate(per_mille), for_ns: nanoseconds(lasting) }.into()
    }
}

impl FaultKind for DuplicatedDatagrams {
    fn id(&self) -> &'static str {
        "duplicated-datagrams"
    }

    fn need(&self) -> Need {
        Need::BadLinks
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.from, self.to]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("duplicated datagrams {} ↔ {}", name(self.from), name(self.to))
    }

    fn details(&self) -> String {
        format!("{} ‰, for {}", self.per_mille, span(self.for_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.from).node(self.to).number(self.per_mille.into()).number(self.for_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.inject_link_fault(self.from, self.to, LinkFault::Doubling(self.per_mille));
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        lift.control.clear_link_fault(self.from, self.to, LinkFault::Doubling(self.per_mille));
        lift.healed();
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::lasting(&mut self.for_ns)]
    }
}

impl Decode for DuplicatedDatagrams {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { from: from.node()?, to: from.node()?, per_mille: from.small()?, for_ns: from.number()? })
    }
}

/// Duplicated datagrams as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed {
    per_mille_max: u16,
    for_ns: (u64, u64),
}

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "duplicated-datagrams"
    }

    fn need(&self) -> Need {
        Need::BadLinks
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        let per_mille = drawing.between("rate", (1, u64::from(self.per_mille_max))) as u16;
        let for_ns = drawing.between("for", self.for_ns);
        Some(DuplicatedDatagrams { from: drawing.node, to: drawing.other()?, per_mille, for_ns }.into())
    }
}

impl Faults {
    /// Allows links between two of the nodes that deliver up to `per_mille_max` of a thousand datagrams twice, for a tenth of
    /// `for_at_most` up to all of it.
    ///
    /// # Panics
    /// If `per_mille_max` is not 1 to 1 000.
    pub fn duplicated_datagrams(self, per_mille_max: u16, for_at_most: Duration) -> Self {
        self.allow(Allowed { per_mille_max: rate(per_mille_max), for_ns: up_to(for_at_most) })
    }
}
