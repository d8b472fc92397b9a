//! Descriptor numbers. A number encodes its node, its slot and, within its bits, the incarnation.
//!
//! Each process of Linux has numbers of its own. Simulated processes share one address space, so that a `static`, such
//! as an async runtime's waker, can take a number from one process to another. Distinct numbers show which process is
//! meant.

use crate::event::NodeId;

/// The first virtual descriptor number. Lower ones were opened outside the run.
pub(crate) const FIRST: i32 = 1 << 20;

const SLOT_BITS: u32 = 14;

/// The distance between the first slots of two incarnations, and the number of distinct first slots.
const SHIFT: i32 = 256;
const SHIFTS: u16 = 16;

/// The bit of every second incarnation of a node.
const SECOND_INCARNATION: i32 = 1 << 30;

/// The most descriptors that a process may have open: the numbers that remain after the largest shift.
pub(crate) const SLOTS_MAX: usize = (1 << SLOT_BITS) - SHIFT as usize * (SHIFTS as usize - 1);

const _: () = assert!(
    FIRST as i64 + ((crate::kernel::process::address::NODES_MAX as i64) << SLOT_BITS) < SECOND_INCARNATION as i64,
    "every node's numbers lie below the bit of its second incarnation"
);

/// The number of a process's first slot. It differs between 32 incarnations of a node; the 33rd has the first one's
/// again.
pub(crate) fn base(node: NodeId, incarnation: u16) -> i32 {
    let earlier = incarnation.saturating_sub(1);
    let shifted = i32::from(earlier / 2 % SHIFTS) * SHIFT;
    let second = if earlier % 2 == 1 { SECOND_INCARNATION } else { 0 };
    FIRST + (i32::from(node.0) << SLOT_BITS) + shifted + second
}

/// The node that a number was made for, or `None` if it was opened outside the run.
pub(crate) fn node_of(fd: i32) -> Option<NodeId> {
    let below = fd.checked_sub(FIRST).filter(|below| *below >= 0)?;
    u16::try_from((below & !SECOND_INCARNATION) >> SLOT_BITS).ok().map(NodeId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::process::address::NODES_MAX;

    #[test]
    fn a_number_leads_back_to_its_node_in_every_incarnation() {
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
    fn incarnations_have_numbers_of_their_own_for_a_while() {
        let node = NodeId(7);
        let bases: std::collections::BTreeSet<i32> = (1..=32).map(|incarnation| base(node, incarnation)).collect();
        assert_eq!(bases.len(), 32);
        assert_eq!(base(node, 33), base(node, 1));
        assert_eq!(base(NodeId(0), 1), FIRST);
    }
}
