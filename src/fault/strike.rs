//! Strikes, lifts and heals faults.
//! The injector of a run decides when each is due.

use super::kind::{Active, Fault, Lift, Moment, Strike};
use super::outcome::{Effect, Miss};
use afterlife_sim::event::NodeId;
use afterlife_sim::{Control, Status};

/// The injection number for the heal of everything, which belongs to no single injection.
pub(crate) const EVERYTHING: u32 = u32::MAX;

/// Returns whether a fault strikes a running process and its victim has none.
pub(crate) fn lacks_process(fault: &Fault, control: &Control<'_>) -> bool {
    fault.kind().needs_process() && !matches!(control.status(fault.victim()), Status::Up | Status::Stopping)
}

/// Lets a fault strike while others are active. A fault that meets nothing changes nothing, and is not recorded.
pub(crate) fn strike(fault: &Fault, injection: u32, active: &[Active<'_>], control: &mut Control<'_>) -> Effect {
    if lacks_process(fault, control) {
        return Effect::Nothing(Miss::Down);
    }
    let kind = fault.kind();
    let prepared = match kind.prepare(Moment { control, injection, active }) {
        Ok(prepared) => prepared,
        Err(miss) => return Effect::Nothing(miss),
    };
    let cause = control.record_fault(kind.id(), injection, prepared.as_deref().unwrap_or_default(), fault.victim());
    match kind.strike(Strike { control, injection, cause, prepared, active }) {
        None => Effect::Done,
        Some(for_ns) => Effect::Lasting(for_ns),
    }
}

/// The current incarnation of a fault's victim.
pub(crate) fn incarnation_of(fault: &Fault, control: &Control<'_>) -> u16 {
    control.incarnation(fault.victim())
}

/// Lifts a fault that lasted.
pub(crate) fn lift(
    Active { fault, injection, incarnation, .. }: Active<'_>,
    others: &[Active<'_>],
    control: &mut Control<'_>,
) {
    let kind = fault.kind();
    kind.lift(Lift { control, injection, incarnation, others, id: kind.id() });
}

/// Heals all links, disks, budgets and pauses. Damaged files stay damaged, and nodes that are down come back at their own time.
pub(crate) fn heal(control: &mut Control<'_>) {
    control.heal_links();
    for node in (0..control.nodes()).map(NodeId) {
        control.slow_disk(node, 0);
        control.limit_memory(node, None);
    }
    let cause = control.record_heal("everything", EVERYTHING);
    for node in (0..control.nodes()).map(NodeId) {
        control.clear_disk_faults(node, None, cause);
        control.resume(node, cause);
    }
}
