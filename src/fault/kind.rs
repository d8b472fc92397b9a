//! The interface of a kind of fault: everything that the rest of the harness asks of one.
//! It knows no kind by name; `kinds/` has one file for each.

use super::draw::Drawing;
use super::number::Number;
use super::wire::{PlanReader, PlanWriter, WireError};
use super::{Fault, Trigger};
use crate::model::engine::Need;
use afterlife_sim::Control;
use afterlife_sim::event::{NodeId, Seq};
use std::any::Any;
use std::fmt;

/// Names of nodes, for text.
pub(crate) type NodeNames<'a> = &'a dyn Fn(NodeId) -> String;

/// A fault as a plan has it.
pub(crate) trait FaultKind {
    /// The stable name in events and records: `slow-disk`.
    fn id(&self) -> &'static str;

    /// The capability that an engine must have to carry it out.
    fn need(&self) -> Need;

    /// The nodes that it strikes, the victim first. A link has two ends.
    fn targets(&self) -> Vec<NodeId>;

    /// The fault in a few words: `slow disk on master-0`.
    fn title(&self, name: NodeNames<'_>) -> String;

    /// Its figures: `7 s a sync, for 1 ms`. Empty if it has none.
    fn details(&self) -> String {
        String::new()
    }

    /// Writes its fields into a token. The tag that tells kinds apart is written before.
    fn write(&self, to: &mut PlanWriter);

    /// Chooses what only the moment of the strike decides, such as a file or a thread. The answer is part of the fault's event.
    fn prepare(&self, _injection: u32, _control: &mut Control<'_>) -> Option<String> {
        None
    }

    /// Strikes. Returns the nanoseconds after which it must be lifted, if it lasts.
    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64>;

    /// Undoes the strike, unless another active fault does the same: a disk, a budget, a link and a process recover when the
    /// last fault is lifted.
    fn lift(&self, _lift: Lift<'_, '_>) {}

    /// The node and the edge whose next occurrence lifts it early.
    fn lifted_at(&self) -> Option<(NodeId, &str)> {
        None
    }

    /// Simpler faults that may break the same claim.
    fn simpler(&self) -> Vec<Fault> {
        Vec::new()
    }

    /// Its numbers that may become smaller.
    fn numbers(&mut self) -> Vec<Number<'_>> {
        Vec::new()
    }
}

/// Reads a fault's fields from a token.
pub(crate) trait Decode: Sized {
    /// Reads what [`FaultKind::write`] wrote.
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError>;
}

/// A strike in progress.
pub(crate) struct Strike<'a, 'c> {
    /// The simulation.
    pub(crate) control: &'a mut Control<'c>,
    /// The number of the injection.
    pub(crate) injection: u32,
    /// The event of the fault, which causes what follows.
    pub(crate) cause: Seq,
    /// The answer of [`FaultKind::prepare`].
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
    /// Records that the fault has ended. What follows has this event as its cause.
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
}

/// A kind of fault as a scenario allows it, with its bounds.
pub(crate) trait Draw: fmt::Debug + Clone + Send + Sync + 'static {
    /// The stable name that keys its draws. The order in which a scenario allows kinds does not matter.
    fn name(&self) -> &'static str;

    /// The capability that an engine must have.
    fn need(&self) -> Need;

    /// Draws one, or nothing if it cannot strike here.
    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn>;

    /// Whether it may strike at all: bounds can be given before the kind is allowed.
    fn is_allowed(&self) -> bool {
        true
    }
}

/// Any [`Draw`].
pub(super) trait AnyDraw: fmt::Debug + Send + Sync {
    /// See [`Draw::name`].
    fn name(&self) -> &'static str;
    /// See [`Draw::need`].
    fn need(&self) -> Need;
    /// See [`Draw::draw`].
    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn>;
    /// See [`Draw::is_allowed`].
    fn is_allowed(&self) -> bool;
    /// A copy.
    fn boxed(&self) -> Box<dyn AnyDraw>;
    /// The kind itself, for a builder that changes its bounds.
    fn as_any(&mut self) -> &mut dyn Any;
}

impl<D: Draw> AnyDraw for D {
    fn name(&self) -> &'static str {
        Draw::name(self)
    }

    fn need(&self) -> Need {
        Draw::need(self)
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        Draw::draw(self, drawing)
    }

    fn is_allowed(&self) -> bool {
        Draw::is_allowed(self)
    }

    fn boxed(&self) -> Box<dyn AnyDraw> {
        Box::new(self.clone())
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Clone for Box<dyn AnyDraw> {
    fn clone(&self) -> Self {
        (**self).boxed()
    }
}

/// A drawn fault.
pub(crate) struct Drawn {
    /// The fault.
    pub(crate) fault: Fault,
    /// Its trigger, if the kind has one of its own.
    pub(crate) trigger: Option<Trigger>,
    /// The trigger of a second injection of the same fault, which stands before the first in the plan.
    pub(crate) again: Option<Trigger>,
}

impl<F: Into<Fault>> From<F> for Drawn {
    fn from(fault: F) -> Self {
        Self { fault: fault.into(), trigger: None, again: None }
    }
}
