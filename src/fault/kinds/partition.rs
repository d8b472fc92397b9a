//! A partition: nothing passes from one node to another, in one direction or both.
//! TCP retransmits once it heals; datagrams are lost.

use crate::fault::field::Field;
use crate::fault::kind::{Active, FaultKind, Lift, Moment, NodeNames, Strike};
use crate::fault::outcome::Miss;
use crate::fault::ranges::ordered;
use crate::fault::{Fault, Faults};
use crate::model::duration::{nanoseconds, span};
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const ID: &str = "partition";

/// Nothing passes from one node to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

    /// Returns whether this fault is a partition that cuts the direction.
    fn cuts(other: &Active<'_>, direction: (NodeId, NodeId)) -> bool {
        let partition = other.fault.as_kind::<Self>();
        partition.is_some_and(|partition| partition.directions().any(|cut| cut == direction))
    }
}

impl FaultKind for Partition {
    fn id(&self) -> &'static str {
        ID
    }

    fn need(&self) -> Need {
        if self.one_way { Need::OneWayPartitions } else { Need::Partitions }
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![
            Field::Node(&mut self.from),
            Field::Node(&mut self.to),
            Field::Fixed(&mut self.one_way),
            Field::lasting(&mut self.for_ns),
        ]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        let arrow = if self.one_way { "→" } else { "↔" };
        format!("partition {} {arrow} {}", name(self.from), name(self.to))
    }

    fn details(&self) -> String {
        format!("for {}", span(self.for_ns))
    }

    fn prepare(&self, moment: Moment<'_, '_>) -> Result<Option<String>, Miss> {
        if self.from == self.to {
            return Err(Miss::OneNode);
        }
        let covers = |_: &Active<'_>, other: &Self| {
            self.directions().all(|direction| other.directions().any(|cut| cut == direction))
        };
        moment.not_covered(self.for_ns, covers).map(|()| None)
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
        if self.one_way { vec![Fault::new(Self { one_way: false, ..self.clone() })] } else { Vec::new() }
    }
}

impl Fault {
    /// Blocks all messages between `a` and `b` for this long.
    pub fn partition(a: NodeId, b: NodeId, lasting: Duration) -> Self {
        Self::new(Partition { from: a, to: b, one_way: false, for_ns: nanoseconds(lasting) })
    }

    /// Blocks all messages from `from` to `to` for this long; the opposite direction stays open.
    pub fn one_way_partition(from: NodeId, to: NodeId, lasting: Duration) -> Self {
        Self::new(Partition { from, to, one_way: true, for_ns: nanoseconds(lasting) })
    }
}

impl Faults {
    /// Allows partitions between two of the nodes, in one direction or both, for 100 ms to 10 s of virtual time. TCP retransmits
    /// once they heal; datagrams are lost. For other durations, see [`partitions_lasting`](Self::partitions_lasting).
    pub fn partitions(self) -> Self {
        self.partitions_lasting(Duration::from_millis(100), Duration::from_secs(10))
    }

    /// Allows [`partitions`](Self::partitions) that last `low` to `high` of virtual time.
    ///
    /// # Panics
    /// If `low` is longer than `high`.
    #[track_caller]
    pub fn partitions_lasting(self, low: Duration, high: Duration) -> Self {
        let for_ns = ordered(low, high);
        self.allow_between(ID, Need::Partitions, move |drawing| {
            let one_way = drawing.below("one way", 2) == 1 && drawing.has(Need::OneWayPartitions);
            let for_ns = drawing.between("for", for_ns);
            Some(Partition { from: drawing.node, to: drawing.other()?, one_way, for_ns })
        })
    }
}
