//! The known issues that a run met, and what follows from them: the panic of the code that went wrong, and the end of its process.
//! They are the same issue, and no findings of their own.

use crate::invariant::{NO_CLIENT_ERROR, NO_SILENT_PANIC, NO_UNPROVOKED_EXIT};
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, NodeId};
use std::collections::BTreeSet;

/// The longest time between a known issue and a panic that follows from it, on the same thread and in the same task.
const PANIC_NS_MAX: u64 = 1_000_000;

/// The known issues of a run.
#[derive(Default)]
pub(super) struct PassedOver {
    /// The event of the last one.
    last: Option<Event>,
    /// The processes in which a panic followed from one.
    panicked: BTreeSet<(NodeId, u16)>,
}

impl PassedOver {
    /// Notes the event of a known issue.
    pub(super) fn note(&mut self, event: &Event) {
        self.last = Some(*event);
    }

    /// Returns whether the violation at this event follows from a known issue.
    pub(super) fn leads_to(&mut self, event: &Event, violation: &Violation) -> bool {
        let process = (event.node, event.incarnation);
        match violation.invariant.as_str() {
            NO_SILENT_PANIC => {
                let code = |event: &Event| (event.node, event.incarnation, event.thread, event.task);
                let follows = self.last.as_ref().is_some_and(|last| {
                    code(last) == code(event) && event.time_ns.saturating_sub(last.time_ns) <= PANIC_NS_MAX
                });
                if follows {
                    self.panicked.insert(process);
                }
                follows
            }
            NO_UNPROVOKED_EXIT | NO_CLIENT_ERROR => self.panicked.contains(&process),
            _ => false,
        }
    }
}
