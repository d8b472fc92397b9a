//! A narrow link: few bytes a second pass between two nodes for a while.

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

/// A link passes few bytes a second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NarrowLink {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) bytes_per_s: u64,
    pub(crate) for_ns: u64,
}

impl Fault {
    /// Lets `bytes_per_s` bytes a second pass between `a` and `b`, for this long.
    pub fn narrow_link(a: NodeId, b: NodeId, bytes_per_s: u64, lasting: Duration) -> Self {
        NarrowLink { from: a, to: b, bytes_per_s, for_ns: nanoseconds(lasting) }.into()
    }
}

impl FaultKind for NarrowLink {
    fn id(&self) -> &'static str {
        "narrow-link"
    }

    fn need(&self) -> Need {
        Need::BadLinks
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.from, self.to]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("narrow link {} ↔ {}", name(self.from), name(self.to))
    }

    fn details(&self) -> String {
        format!("{} bytes a second, for {}", self.bytes_per_s, span(self.for_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.from).node(self.to).number(self.bytes_per_s).number(self.for_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.inject_link_fault(self.from, self.to, LinkFault::Narrow(self.bytes_per_s));
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        lift.control.clear_link_fault(self.from, self.to, LinkFault::Narrow(self.bytes_per_s));
        lift.healed();
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::lasting(&mut self.for_ns)]
    }
}

impl Decode for NarrowLink {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { from: from.node()?, to: from.node()?, bytes_per_s: from.number()?, for_ns: from.number()? })
    }
}

/// Narrow links as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed {
    bytes_per_s: (u64, u64),
    for_ns: (u64, u64),
}

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "narrow-link"
    }

    fn need(&self) -> Need {
        Need::BadLinks
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        let bytes_per_s = drawing.between("bandwidth", self.bytes_per_s);
        let for_ns = drawing.between("for", self.for_ns);
        Some(NarrowLink { from: drawing.node, to: drawing.other()?, bytes_per_s, for_ns }.into())
    }
}

impl Faults {
    /// Allows links between two of the nodes that pass `low_bytes_per_s` to `high_bytes_per_s` bytes a second, for a tenth of
    /// `for_at_most` up to all of it.
    ///
    /// # Panics
    /// If the lower bandwidth is 0 or more than the higher one.
    pub fn narrow_links(self, low_bytes_per_s: u64, high_bytes_per_s: u64, for_at_most: Duration) -> Self {
        assert!(
            0 < low_bytes_per_s && low_bytes_per_s <= high_bytes_per_s,
            "a bandwidth from {low_bytes_per_s} to {high_bytes_per_s} bytes a second: give the smaller one first, above 0"
        );
        self.allow(Allowed { bytes_per_s: (low_bytes_per_s, high_bytes_per_s), for_ns: up_to(for_at_most) })
    }
}
