//! Injections become something that happens in the world.
//! When that is due, the watch knows.

use super::{DiskTrouble, Fault, FileDamage, LinkTrouble, text_of};
use afterlife_sim::Control;
use afterlife_sim::disk::Trouble;
use afterlife_sim::event::{Death, NodeId};

/// Whom a fault strikes first.
fn victim(fault: &Fault) -> NodeId {
    match fault {
        Fault::Stop { node, .. } | Fault::Kill { node, .. } | Fault::PowerLoss { node, .. } => NodeId(*node),
        Fault::Partition { from, .. } | Fault::DisturbLink { from, .. } | Fault::ResetConnections { from, .. } => {
            NodeId(*from)
        }
        Fault::SlowDisk { node, .. }
        | Fault::Pause { node, .. }
        | Fault::HoldThread { node, .. }
        | Fault::SqueezeMemory { node, .. }
        | Fault::StepClock { node, .. }
        | Fault::SkewClock { node, .. }
        | Fault::FailDisk { node, .. }
        | Fault::DamageFile { node, .. } => NodeId(*node),
    }
}

/// Lets a fault strike, while these last. Returns after how many nanoseconds it is to be lifted, if it lasts.
pub(crate) fn strike(fault: &Fault, injection: u32, lasting: &[Lasting<'_>], room: &mut Control<'_>) -> Option<u64> {
    let mut text = text_of(fault, |node| room.node_name(NodeId(node)).to_owned());
    let mut damaged = None;
    if let Fault::DamageFile { node, how, nth } = fault {
        damaged = room.file_of(NodeId(*node), *nth, *how == FileDamage::Corrupt);
        text = format!("{text}: {}", damaged.as_deref().unwrap_or("it has none"));
    }
    let mut holds = false;
    if let Fault::HoldThread { node, nth, .. } = fault {
        let held = room.hold_thread(NodeId(*node), *nth, injection);
        holds = held.is_some();
        text = format!("{text}: {}", held.as_deref().unwrap_or("it has none"));
    }
    let cause = room.fault(&text, injection, victim(fault));
    match fault {
        Fault::Stop { node, budget_ns, down_ns } => {
            if room.stop(NodeId(*node), *budget_ns, cause) {
                room.restart_when_ended(NodeId(*node), *down_ns);
            }
            None
        }
        Fault::Kill { node, down_ns } => {
            room.end(NodeId(*node), Death::Kill, cause);
            room.start(NodeId(*node), *down_ns);
            None
        }
        Fault::PowerLoss { node, down_ns } => {
            room.end(NodeId(*node), Death::PowerLoss, cause);
            room.start(NodeId(*node), *down_ns);
            None
        }
        Fault::Partition { from, to, one_way, for_ns } => {
            room.cut(NodeId(*from), NodeId(*to), true);
            if !one_way {
                room.cut(NodeId(*to), NodeId(*from), true);
            }
            Some(*for_ns)
        }
        Fault::SlowDisk { node, extra_ns, for_ns } => {
            room.slow_disk(NodeId(*node), slowest(lasting, *node).max(*extra_ns));
            Some(*for_ns)
        }
        Fault::StepClock { node, by_ns } => {
            room.step_clock(NodeId(*node), *by_ns);
            None
        }
        Fault::SkewClock { node, ppm, for_ns } => {
            room.speed_clock(NodeId(*node), *ppm);
            Some(*for_ns)
        }
        Fault::SqueezeMemory { node, budget_bytes, for_ns } => {
            let least = tightest(lasting, *node).map_or(*budget_bytes, |other| other.min(*budget_bytes));
            room.squeeze_memory(NodeId(*node), Some(least));
            Some(*for_ns)
        }
        Fault::DisturbLink { from, to, how, for_ns } => {
            room.trouble_link(NodeId(*from), NodeId(*to), of_link(*how));
            Some(*for_ns)
        }
        Fault::ResetConnections { from, to } => {
            room.reset_connections(NodeId(*from), NodeId(*to), cause);
            None
        }
        Fault::Pause { node, for_ns } => {
            // Of two that overlap, the later end counts.
            let stands = room.pause(NodeId(*node), cause) || room.is_paused(NodeId(*node));
            stands.then_some(*for_ns)
        }
        Fault::HoldThread { for_ns, .. } => holds.then_some(*for_ns),
        Fault::FailDisk { node, how, for_ns } => {
            room.trouble_disk(NodeId(*node), trouble(*how));
            Some(*for_ns)
        }
        Fault::DamageFile { node, how, .. } => {
            match (damaged, how) {
                (None, _) => {}
                (Some(path), FileDamage::Missing) => room.remove_file(NodeId(*node), &path, cause),
                (Some(path), FileDamage::Corrupt) => room.corrupt_file(NodeId(*node), &path, injection),
            }
            None
        }
    }
}

/// The room's word for it.
fn of_link(how: LinkTrouble) -> afterlife_sim::LinkTrouble {
    use afterlife_sim::LinkTrouble as Of;
    match how {
        LinkTrouble::Slow { extra_ns } => Of::Slow(extra_ns),
        LinkTrouble::Lossy { per_mille } => Of::Lossy(per_mille),
        LinkTrouble::Hold => Of::Hold,
        LinkTrouble::Duplicating { per_mille } => Of::Doubling(per_mille),
        LinkTrouble::Reordering { per_mille } => Of::Reordering(per_mille),
        LinkTrouble::Narrow { bytes_per_s } => Of::Narrow(bytes_per_s),
    }
}

/// The room's word for it.
fn trouble(how: DiskTrouble) -> Trouble {
    match how {
        DiskTrouble::ReadErrors => Trouble::FailingReads,
        DiskTrouble::WriteErrors => Trouble::FailingWrites,
        DiskTrouble::SyncErrors => Trouble::FailingSyncs,
        DiskTrouble::Full => Trouble::Full,
        DiskTrouble::Stalled => Trouble::Stalled,
    }
}

/// A fault that has struck and is not lifted yet.
#[derive(Clone, Copy)]
pub(crate) struct Lasting<'a> {
    pub(crate) fault: &'a Fault,
    /// Which injection it is.
    pub(crate) injection: u32,
    /// Which life its victim was in.
    pub(crate) life: u16,
}

/// What a sync of a node's disk takes longer because of these faults.
fn slowest(lasting: &[Lasting<'_>], of: u16) -> u64 {
    let extra = |it: &Lasting<'_>| match it.fault {
        Fault::SlowDisk { node, extra_ns, .. } if *node == of => Some(*extra_ns),
        _ => None,
    };
    lasting.iter().filter_map(extra).max().unwrap_or(0)
}

/// What these faults leave a node of memory.
fn tightest(lasting: &[Lasting<'_>], of: u16) -> Option<u64> {
    let budget = |it: &Lasting<'_>| match it.fault {
        Fault::SqueezeMemory { node, budget_bytes, .. } if *node == of => Some(*budget_bytes),
        _ => None,
    };
    lasting.iter().filter_map(budget).min()
}

/// Whether one of these faults cuts this way.
fn is_cut(lasting: &[Lasting<'_>], way: (u16, u16)) -> bool {
    lasting.iter().any(|it| match it.fault {
        Fault::Partition { from, to, one_way, .. } => (*from, *to) == way || (!one_way && (*to, *from) == way),
        _ => false,
    })
}

/// The victim of a fault, and which life it is in.
pub(crate) fn life_of(fault: &Fault, room: &Control<'_>) -> u16 {
    room.incarnation(victim(fault))
}

/// Lifts a fault that lasted, unless others that still last do the same: a disk, a budget, a way and a process are
/// themselves again when the last is lifted.
pub(crate) fn lift(Lasting { fault, injection, life }: Lasting<'_>, others: &[Lasting<'_>], room: &mut Control<'_>) {
    match fault {
        Fault::Partition { from, to, one_way, .. } => {
            let mut opened = false;
            for way in [(*from, *to), (*to, *from)].into_iter().take(if *one_way { 1 } else { 2 }) {
                if !is_cut(others, way) {
                    room.cut(NodeId(way.0), NodeId(way.1), false);
                    opened = true;
                }
            }
            if !opened {
                return;
            }
            let text =
                format!("{} and {} reach each other", room.node_name(NodeId(*from)), room.node_name(NodeId(*to)));
            room.healed(&text);
        }
        Fault::SlowDisk { node, .. } => {
            let extra_ns = slowest(others, *node);
            room.slow_disk(NodeId(*node), extra_ns);
            if extra_ns > 0 {
                return;
            }
            let text = format!("the disk of {} is itself again", room.node_name(NodeId(*node)));
            room.healed(&text);
        }
        Fault::SkewClock { node, ppm, .. } => {
            room.speed_clock(NodeId(*node), ppm.saturating_neg());
            let text = format!("the clock of {} runs true again", room.node_name(NodeId(*node)));
            room.healed(&text);
        }
        Fault::SqueezeMemory { node, .. } => {
            let budget = tightest(others, *node);
            room.squeeze_memory(NodeId(*node), budget);
            if budget.is_some() {
                return;
            }
            let text = format!("{} has its memory back", room.node_name(NodeId(*node)));
            room.healed(&text);
        }
        Fault::DisturbLink { from, to, how, .. } => {
            room.mend_link(NodeId(*from), NodeId(*to), of_link(*how));
            let [from, to] = [from, to].map(|node| room.node_name(NodeId(*node)));
            let text = format!("the link of {from} and {to} is itself again");
            room.healed(&text);
        }
        Fault::Pause { node, .. } => {
            // Its next life is paused by others, if at all.
            let mine =
                |it: &Lasting<'_>| it.life == life && matches!(it.fault, Fault::Pause { node: of, .. } if of == node);
            let over = room.incarnation(NodeId(*node)) != life || others.iter().any(mine);
            if over || !room.is_paused(NodeId(*node)) {
                return;
            }
            let text = format!("{} is let go on", room.node_name(NodeId(*node)));
            let cause = room.healed(&text);
            room.resume(NodeId(*node), cause);
        }
        Fault::HoldThread { node, .. } => {
            if room.held_thread(injection).is_some() {
                let text = format!("a thread of {} is let go on", room.node_name(NodeId(*node)));
                room.healed(&text);
            }
            room.end_hold(injection);
        }
        Fault::FailDisk { node, how, .. } => {
            let text = format!("the disk of {} is itself again", room.node_name(NodeId(*node)));
            let cause = room.healed(&text);
            room.mend_disk(NodeId(*node), Some(trouble(*how)), cause);
        }
        Fault::Stop { .. }
        | Fault::Kill { .. }
        | Fault::PowerLoss { .. }
        | Fault::StepClock { .. }
        | Fault::ResetConnections { .. }
        | Fault::DamageFile { .. } => {}
    }
}

/// Heals everything that can be healed: links and disks. Damaged files stay damaged, and nodes that are down come back at
/// their own time.
pub(crate) fn heal(room: &mut Control<'_>) {
    room.heal_links();
    for node in 0..room.nodes() {
        room.slow_disk(NodeId(node), 0);
        room.squeeze_memory(NodeId(node), None);
    }
    let cause = room.healed("every link and disk");
    for node in 0..room.nodes() {
        room.mend_disk(NodeId(node), None, cause);
        room.resume(NodeId(node), cause);
    }
}
