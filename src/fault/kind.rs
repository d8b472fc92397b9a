//! A fault, and the interface that each kind of fault implements.
//! It knows no kind by name: `kinds/` has one file for each.

use super::field::Field;
use super::number::Number;
use super::outcome::Miss;
use super::wire::{PlanReader, PlanWriter, WireError};
use crate::model::engine::Need;
use afterlife_sim::Control;
use afterlife_sim::event::{NodeId, Seq};
use std::any::Any;
use std::fmt;

/// Something done to the simulation: a process that ends, a link or a disk that misbehaves, a clock that jumps.
///
/// Each kind has a constructor: [`Fault::kill`], [`Fault::partition`], … Nodes are named by [`Group::node`](crate::Group::node).
pub struct Fault(Box<dyn AnyFault>);

/// Names of nodes, for text.
pub(crate) type NodeNames<'a> = &'a dyn Fn(NodeId) -> String;

/// A kind of fault.
pub(crate) trait FaultKind: fmt::Debug + Send + Sync {
    /// The stable name in events and records: `slow-disk`.
    fn id(&self) -> &'static str;

    /// The capability that an engine needs for it.
    fn need(&self) -> Need;

    /// Its fields, in the order of their form in a token. Old tokens are read with them, so they never change.
    fn fields(&mut self) -> Vec<Field<'_>>;

    /// The fault in a few words: `slow disk on master-0`.
    fn title(&self, name: NodeNames<'_>) -> String;

    /// Its figures: `7 s a sync, for 1 ms`. Empty if it has none.
    fn details(&self) -> String {
        String::new()
    }

    /// Returns whether it strikes a running process. If a restart is due, such a fault waits for it; if none is, it meets nothing.
    fn needs_process(&self) -> bool {
        false
    }

    /// Makes the choices that depend on the moment of the strike, such as a file or a thread. The result is part of the fault's
    /// event.
    ///
    /// # Errors
    /// If the fault would meet nothing: it does not strike then.
    fn prepare(&self, _moment: Moment<'_, '_>) -> Result<Option<String>, Miss> {
        Ok(None)
    }

    /// Strikes. Returns the nanoseconds after which it must be lifted, if it lasts.
    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64>;

    /// Undoes the strike, unless another active fault has the same effect: a disk, a budget, a link and a process recover when the
    /// last fault is lifted.
    fn lift(&self, _lift: Lift<'_, '_>) {}

    /// The node and the edge whose next occurrence lifts it early.
    fn lifted_at(&self) -> Option<(NodeId, &str)> {
        None
    }

    /// Simpler faults that may violate the same invariant.
    fn simpler(&self) -> Vec<Fault> {
        Vec::new()
    }
}

/// A kind of fault with a tag. The list of kinds implements it, so that tokens and records can contain every fault.
pub(crate) trait Listed: FaultKind + Clone + Default + PartialEq + 'static {
    /// The number of the kind in tokens.
    const TAG: u64;
}

/// Any kind of fault.
trait AnyFault: FaultKind + Any {
    fn tag(&self) -> u64;
    fn boxed(&self) -> Box<dyn AnyFault>;
    fn equals(&self, other: &Fault) -> bool;
}

impl<K: Listed> AnyFault for K {
    fn tag(&self) -> u64 {
        K::TAG
    }

    fn boxed(&self) -> Box<dyn AnyFault> {
        Box::new(self.clone())
    }

    fn equals(&self, other: &Fault) -> bool {
        other.as_kind::<K>().is_some_and(|other| self == other)
    }
}

impl Clone for Fault {
    fn clone(&self) -> Self {
        Self(self.0.boxed())
    }
}

impl PartialEq for Fault {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(other)
    }
}

impl Eq for Fault {}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Fault {
    /// A fault of a kind.
    pub(super) fn new(kind: impl Listed) -> Self {
        Self(Box::new(kind))
    }

    /// The fault, without its type.
    pub(super) fn kind(&self) -> &dyn FaultKind {
        &*self.0
    }

    /// The fault as one of this kind, if it is one.
    pub(crate) fn as_kind<K: FaultKind + 'static>(&self) -> Option<&K> {
        let any: &dyn Any = &*self.0;
        any.downcast_ref()
    }

    /// The nodes that it strikes, the victim first. A link has two ends.
    pub(crate) fn targets(&self) -> Vec<NodeId> {
        let mut copy = self.clone();
        let node = |field| if let Field::Node(node) = field { Some(*node) } else { None };
        copy.0.fields().into_iter().filter_map(node).collect()
    }

    /// The first node that it strikes.
    pub(crate) fn victim(&self) -> NodeId {
        self.targets()[0]
    }

    /// The stable name of its kind: `slow-disk`.
    pub(crate) fn id(&self) -> &'static str {
        self.0.id()
    }

    /// The capability that an engine needs for it.
    pub(crate) fn need(&self) -> Need {
        self.0.need()
    }

    /// The fault in a few words: `stop master-0`.
    pub(crate) fn title(&self, name: NodeNames<'_>) -> String {
        self.0.title(name)
    }

    /// Its figures: `budget 30 s, down 1 s`. Empty if it has none.
    pub(crate) fn details(&self) -> String {
        self.0.details()
    }

    /// The node and the edge whose next occurrence lifts it early.
    pub(crate) fn lifted_at(&self) -> Option<(NodeId, &str)> {
        self.0.lifted_at()
    }

    /// Simpler faults that may violate the same invariant.
    pub(crate) fn simpler(&self) -> Vec<Self> {
        self.0.simpler()
    }

    /// Its numbers that may become smaller.
    pub(crate) fn numbers(&mut self) -> Vec<Number<'_>> {
        let number = |field| if let Field::Number(number) = field { Some(number) } else { None };
        self.0.fields().into_iter().filter_map(number).collect()
    }

    /// Writes its tag and fields into a token.
    pub(super) fn write(&self, to: &mut PlanWriter) {
        to.number(self.0.tag());
        for field in self.0.boxed().fields() {
            field.write(to);
        }
    }

    /// Reads the fields of a kind from a token. The tag, which identifies the kind, has been read already.
    pub(super) fn read_fields<K: Listed>(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        let mut kind = K::default();
        for mut field in kind.fields() {
            field.read(from)?;
        }
        Ok(Self::new(kind))
    }
}

/// The moment of a strike.
pub(crate) struct Moment<'a, 'c> {
    /// The simulation.
    pub(crate) control: &'a mut Control<'c>,
    /// The number of the injection.
    pub(crate) injection: u32,
    /// The faults that are active already.
    pub(crate) active: &'a [Active<'a>],
}

impl Moment<'_, '_> {
    /// Checks that no active fault of kind `K` that lasts at least `for_ns` from now satisfies `covers`.
    pub(super) fn not_covered<K: FaultKind + 'static>(
        &self,
        for_ns: u64,
        covers: impl Fn(&Active<'_>, &K) -> bool,
    ) -> Result<(), Miss> {
        let until_ns = self.control.now_ns().saturating_add(for_ns);
        let is_covered = self.active.iter().any(|other| {
            other.until_ns >= until_ns && other.fault.as_kind::<K>().is_some_and(|kind| covers(other, kind))
        });
        if is_covered { Err(Miss::Covered) } else { Ok(()) }
    }
}

/// A strike in progress.
pub(crate) struct Strike<'a, 'c> {
    /// The simulation.
    pub(crate) control: &'a mut Control<'c>,
    /// The number of the injection.
    pub(crate) injection: u32,
    /// The event of the fault, which is the cause of its effects.
    pub(crate) cause: Seq,
    /// The result of [`FaultKind::prepare`].
    pub(crate) prepared: Option<String>,
    /// The faults that are active already.
    pub(crate) active: &'a [Active<'a>],
}

/// The end of a fault that lasted.
pub(crate) struct Lift<'a, 'c> {
    /// The simulation.
    pub(crate) control: &'a mut Control<'c>,
    /// The number of the injection.
    pub(crate) injection: u32,
    /// The incarnation that the victim was in when the fault struck.
    pub(crate) incarnation: u16,
    /// The other faults that are still active.
    pub(crate) others: &'a [Active<'a>],
    /// The stable name of the fault.
    pub(super) id: &'static str,
}

impl Lift<'_, '_> {
    /// Records that the fault has ended. Later effects have this event as their cause.
    pub(crate) fn healed(&mut self) -> Seq {
        self.control.record_heal(self.id, self.injection)
    }
}

/// A fault that has struck and is not lifted yet.
#[derive(Clone, Copy)]
pub(crate) struct Active<'a> {
    /// The fault.
    pub(crate) fault: &'a Fault,
    /// The number of its injection.
    pub(crate) injection: u32,
    /// The incarnation that its victim was in.
    pub(crate) incarnation: u16,
    /// The time at which it is lifted, in nanoseconds since the run began.
    pub(crate) until_ns: u64,
}
