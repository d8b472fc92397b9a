//! Descriptor numbers: each tells its node, its slot and, as far as bits go, which life of the node it was given in.
//! It knows no descriptions.
//!
//! A process of Linux has numbers of its own. Here all processes share one address space, so that a `static` can carry a
//! number from one of them into another: an async runtime's waker does. Numbers that differ tell who is meant.

use crate::event::NodeId;

/// The first virtual descriptor number. What is below was opened outside the run, and is none of its business.
pub(crate) const FIRST: i32 = 1 << 20;

const SLOT_BITS: u32 = 14;

/// How far apart the first slots of two lives lie, and how many such beginnings there are.
const SHIFT: i32 = 256;
const SHIFTS: u16 = 16;

/// Set in every second life of a node.
const SECOND_LIFE: i32 = 1 << 30;

/// How many descriptors a process may have open: what is left of its numbers when its first slot is shifted most.
pub(crate) const SLOTS_MAX: usize = (1 << SLOT_BITS) - SHIFT as usize * (SHIFTS as usize - 1);

const _: () = assert!(
    FIRST as i64 + ((crate::kernel::process::address::NODES_MAX as i64) << SLOT_BITS) < SECOND_LIFE as i64,
    "every node's numbers lie below the bit of its second life"
);

/// The number of a process's first slot. Lives of a node differ in it until the 33rd, which begins where the first did.
pub(crate) fn base(node: NodeId, incarnation: u16) -> i32 {
    let life = incarnation.saturating_sub(1);
    let shifted = i32::from(life / 2 % SHIFTS) * SHIFT;
    let second = if life % 2 == 1 { SECOND_LIFE } else { 0 };
    FIRST + (i32::from(node.0) << SLOT_BITS) + shifted + second
}

/// The node that a number was made for, by number alone; `None` for what is not of the run.
pub(crate) fn node_of(fd: i32) -> Option<NodeId> {
    let below = fd.checked_sub(FIRST).filter(|it| *it >= 0)?;
    u16::try_from((below & !SECOND_LIFE) >> SLOT_BITS).ok().map(NodeId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::process::address::NODES_MAX;

    #[test]
    fn a_number_leads_back_to_its_node_in_every_life() {
        for node in [0, 1, 255, 256, NODES_MAX as u16 - 1].map(NodeId) {
            for incarnation in [1, 2, 3, 31, 32, 33, u16::MAX] {
                for slot in [0, 1, SLOTS_MAX - 1] {
                    assert_eq!(node_of(base(node, incarnation) + slot as i32), Some(node), "{node:?} {incarnation}");
                }
            }
        }
        assert_eq!(node_of(3), None);
        assert_eq!(node_of(-1), None);
    }

    #[test]
    fn lives_have_numbers_of_their_own_for_a_while() {
        let node = NodeId(7);
        let bases: std::collections::BTreeSet<i32> = (1..=32).map(|life| base(node, life)).collect();
        assert_eq!(bases.len(), 32);
        assert_eq!(base(node, 33), base(node, 1));
        assert_eq!(base(NodeId(0), 1), FIRST);
    }
}
