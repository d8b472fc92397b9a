//! A partition: nothing passes from one node to another, in one direction or both.
//! What TCP sent is sent again once it heals; datagrams are lost.

use crate::fault::draw::{Drawing, ordered};
use crate::fault::kind::{Active, Decode, Draw, Drawn, FaultKind, Lift, NodeNames, Strike};
use crate::fault::number::Number;
use crate::fault::wire::{PlanReader, PlanWriter, WireError};
use crate::fault::{Fault, Faults};
use crate::model::duration::nanoseconds;
use crate::model::duration::span;
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Nothing passes from one node to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Partition {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    pub(crate) one_way: bool,
    pub(crate) for_ns: u64,
}

impl Partition {
    /// The directions in which nothing passes.
    fn directions(&self) -> impl Iterator<Item = (NodeId, NodeId)> {
        let both = [(self.from, self.to), (self.to, self.from)];
        both.into_iter().take(if self.one_way { 1 } else { 2 })
    }

    /// Whether this fault is a partition that cuts the direction.
    fn cuts(other: &Active<'_>, direction: (NodeId, NodeId)) -> bool {
        Self::of(other.fault).is_some_and(|partition| partition.directions().any(|cut| cut == direction))
    }
}

impl Fault {
    /// Lets nothing pass between `a` and `b` for this long.
    pub fn partition(a: NodeId, b: NodeId, lasting: Duration) -> Self {
        Partition { from: a, to: b, one_way: false, for_ns: nanoseconds(lasting) }.into()
    }

    /// Lets nothing pass from `from` to `to` for this long; the direction back stays open.
    pub fn one_way_partition(from: NodeId, to: NodeId, lasting: Duration) -> Self {
        Partition { from, to, one_way: true, for_ns: nanoseconds(lasting) }.into()
    }
}

impl FaultKind for Partition {
    fn id(&self) -> &'static str {
        "partition"
    }

    fn need(&self) -> Need {
        if self.one_way { Need::OneWayPartitions } else { Need::Partitions }
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.from, self.to]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        let arrow = if self.one_way { "→" } else { "↔" };
        format!("partition {} {arrow} {}", name(self.from), name(self.to))
    }

    fn details(&self) -> String {
        format!("for {}", span(self.for_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.from).node(self.to).flag(self.one_way).number(self.for_ns);
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        for (from, to) in self.directions() {
            strike.control.partition(from, to);
        }
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        let mut opened = false;
        for direction in self.directions() {
            if !lift.others.iter().any(|other| Self::cuts(other, direction)) {
                lift.control.heal_partition(direction.0, direction.1);
                opened = true;
            }
        }
        if opened {
            lift.healed();
        }
    }

    /// A partition in both directions has no direction to remember.
    fn simpler(&self) -> Vec<Fault> {
        if self.one_way { vec![Self { one_way: false, ..self.clone() }.into()] } else { Vec::new() }
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::lasting(&mut self.for_ns)]
    }
}

impl Decode for Partition {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { from: from.node()?, to: from.node()?, one_way: from.flag()?, for_ns: from.number()? })
    }
}

/// Partitions as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed {
    for_ns: (u64, u64),
}

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "partition"
    }

    fn need(&self) -> Need {
        Need::Partitions
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        let one_way = drawing.below("one way", 2) == 1 && drawing.has(Need::OneWayPartitions);
        let for_ns = drawing.between("for", self.for_ns);
        Some(Partition { from: drawing.node, to: drawing.other()?, one_way, for_ns }.into())
    }
}

impl Faults {
    /// Allows partitions between two of the nodes, in one direction or both, for 100 ms to 10 s.
    pub fn partitions(self) -> Self {
        self.partitions_of(Duration::from_millis(100), Duration::from_secs(10))
    }

    /// Allows partitions between two of the nodes, in one direction or both, for `low` to `high`.
    pub fn partitions_of(self, low: Duration, high: Duration) -> Self {
        self.allow(Allowed { for_ns: ordered(low, high) })
    }
}
