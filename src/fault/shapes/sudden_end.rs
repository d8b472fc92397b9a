//! A sudden end of a process, and a restart after a while.

use crate::fault::field::Field;
use crate::fault::kind::{FaultKind, Listed, Moment, NodeNames, Strike};
use crate::fault::outcome::Miss;
use crate::fault::{Fault, Faults};
use crate::model::duration::{nanoseconds, span};
use crate::model::engine::Need;
use afterlife_sim::Status;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::time::Duration;

/// The cause of a sudden end.
pub(crate) trait Cause: Debug + Clone + Default + PartialEq + Send + Sync + 'static {
    /// The stable name of the kind.
    const ID: &'static str;
    /// The title of the fault, before the name of the node: `power loss on`.
    const TITLE: &'static str;
    /// The capability that an engine needs for it.
    const NEED: Need;

    /// True if it strikes a running process, false if it strikes the machine.
    const NEEDS_PROCESS: bool;

    /// Ends the process, or more, and lets it start again after the downtime.
    fn end(strike: Strike<'_, '_>, node: NodeId, down_ns: u64);

    /// Simpler faults with the same downtime.
    fn simpler(_node: NodeId, _down: Duration) -> Vec<Fault> {
        Vec::new()
    }
}

/// A sudden end of a process, and a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SuddenEnd<C> {
    node: NodeId,
    down_ns: u64,
    #[serde(skip)]
    cause: PhantomData<C>,
}

impl<C: Cause> SuddenEnd<C> {
    /// A sudden end of a node's process, and a restart after `down`.
    pub(in crate::fault) fn of(node: NodeId, down: Duration) -> Self {
        Self { node, down_ns: nanoseconds(down), cause: PhantomData }
    }

    /// The node and its downtime in nanoseconds.
    #[cfg(test)]
    pub(crate) fn node_and_down_ns(&self) -> (NodeId, u64) {
        (self.node, self.down_ns)
    }
}

impl<C: Cause> FaultKind for SuddenEnd<C> {
    fn id(&self) -> &'static str {
        C::ID
    }

    fn need(&self) -> Need {
        C::NEED
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![Field::Node(&mut self.node), Field::from_zero(&mut self.down_ns)]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("{} {}", C::TITLE, name(self.node))
    }

    fn details(&self) -> String {
        format!("down {}", span(self.down_ns))
    }

    fn needs_process(&self) -> bool {
        C::NEEDS_PROCESS
    }

    fn prepare(&self, moment: Moment<'_, '_>) -> Result<Option<String>, Miss> {
        match moment.control.status(self.node) {
            Status::New => Err(Miss::Down),
            Status::Off => Err(Miss::NoPower),
            Status::Up | Status::Stopping | Status::Down => Ok(None),
        }
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        C::end(strike, self.node, self.down_ns);
        None
    }

    fn simpler(&self) -> Vec<Fault> {
        C::simpler(self.node, Duration::from_nanos(self.down_ns))
    }
}

impl Faults {
    /// Allows sudden ends with this cause, each with a restart after the downtime of nodes.
    pub(in crate::fault) fn sudden_ends<C: Cause>(self) -> Self
    where
        SuddenEnd<C>: Listed,
    {
        self.allow(C::ID, C::NEED, |drawing| {
            Some(SuddenEnd::<C> { node: drawing.node, down_ns: drawing.down_ns(), cause: PhantomData })
        })
    }
}
