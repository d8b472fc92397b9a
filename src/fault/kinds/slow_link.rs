//! A slow link: each message between two nodes takes longer for a while.

use crate::fault::draw::{Drawing, ordered, up_to};
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

/// Each message of a link takes longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlowLink {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) extra_ns: u64,
    pub(crate) for_ns: u64,
}

impl Fault {
    /// Makes each message between `a` and `b` take `extra` longer, for this long.
    pub fn slow_link(a: NodeId, b: NodeId, extra: Duration, lasting: Duration) -> Self {
        SlowLink { from: a, to: b, extra_ns: nanoseconds(extra), for_ns: nanoseconds(lasting) }.into()
    }
}

impl FaultKind for SlowLink {
    fn id(&self) -> &'static str {
        "slow-link"
    }

    fn need(&self) -> Need {
        Need::SlowLinks
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.from, self.to]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("slow link {} ↔ {}", name(self.from), name(self.to))
    }

    fn details(&self) -> String {
        format!("{} a message, for {}", span(self.extra_ns), span(self.for_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.from).node(self.to).number(self.extra_ns).number(self.for_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.inject_link_fault(self.from, self.to, LinkFault::Slow(self.extra_ns));
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        lift.control.clear_link_fault(self.from, self.to, LinkFault::Slow(self.extra_ns));
        lift.healed();
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::lasting(&mut self.extra_ns), Number::lasting(&mut self.for_ns)]
    }
}

impl Decode for SlowLink {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { from: from.node()?, to: from.node()?, extra_ns: from.number()?, for_ns: from.number()? })
    }
}

/// Slow links as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed {
    extra_ns: (u64, u64),
    for_ns: (u64, u64),
}

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "slow-link"
    }

    fn need(&self) -> Need {
        Need::SlowLinks
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        let (extra_ns, for_ns) = (drawing.between("extra", self.extra_ns), drawing.between("for", self.for_ns));
        Some(SlowLink { from: drawing.node, to: drawing.other()?, extra_ns, for_ns }.into())
    }
}

impl Faults {
    /// Allows links between two of the nodes on which each message takes `low` to `high` longer, for a tenth of `for_at_most` up to
    /// all of it.
    pub fn slow_links(self, low: Duration, high: Duration, for_at_most: Duration) -> Self {
        self.allow(Allowed { extra_ns: ordered(low, high), for_ns: up_to(for_at_most) })
    }
}
