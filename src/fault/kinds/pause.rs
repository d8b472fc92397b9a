//! A pause: no thread of a process runs for a while, as after SIGSTOP.

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

const ID: &str = "pause";

/// No thread of a process runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pause {
    node: NodeId,
    for_ns: u64,
}

impl FaultKind for Pause {
    fn id(&self) -> &'static str {
        ID
    }

    fn need(&self) -> Need {
        Need::Pauses
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![Field::Node(&mut self.node), Field::lasting(&mut self.for_ns)]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("pause {}", name(self.node))
    }

    fn details(&self) -> String {
        format!("for {}", span(self.for_ns))
    }

    fn needs_process(&self) -> bool {
        true
    }

    fn prepare(&self, moment: Moment<'_, '_>) -> Result<Option<String>, Miss> {
        let incarnation = moment.control.incarnation(self.node);
        let covers = |other: &Active<'_>, pause: &Self| other.incarnation == incarnation && pause.node == self.node;
        moment.not_covered(self.for_ns, covers).map(|()| None)
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        // A process that is paused already stays so: of two pauses that overlap, the later end counts.
        strike.control.pause(self.node, strike.cause);
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        // The next incarnation is paused by other faults, if at all.
        let same = |other: &Active<'_>| {
            let pause = other.fault.as_kind::<Self>();
            other.incarnation == lift.incarnation && pause.is_some_and(|pause| pause.node == self.node)
        };
        let over = lift.control.incarnation(self.node) != lift.incarnation || lift.others.iter().any(same);
        if !over && lift.control.is_paused(self.node) {
            let cause = lift.healed();
            lift.control.resume(self.node, cause);
        }
    }
}

impl Fault {
    /// Stops every thread of the process of `node` for this long, as SIGSTOP and SIGCONT do.
    pub fn pause(node: NodeId, lasting: Duration) -> Self {
        Self::new(Pause { node, for_ns: nanoseconds(lasting) })
    }
}

impl Faults {
    /// Allows pauses of `low` to `high` of virtual time: no thread of the process runs meanwhile, as after SIGSTOP or while its
    /// machine migrates. Data that arrives waits, data that the process has sent is delivered, and its expired timers fire all at
    /// once.
    ///
    /// # Panics
    /// If `low` is longer than `high`.
    #[track_caller]
    pub fn pauses(self, low: Duration, high: Duration) -> Self {
        let for_ns = ordered(low, high);
        self.allow(ID, Need::Pauses, move |drawing| {
            Some(Pause { node: drawing.node, for_ns: drawing.between("for", for_ns) })
        })
    }
}
