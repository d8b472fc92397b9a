//! The call sites of awaits, in memory outside the heap: only recorded runs note them, and must have the addresses of any other run.
//! It walks no stack.

use crate::host::region::Region;
use crate::kernel::sched::fiber::{DEPTH, Trace};

/// The number of stacks that are kept; later ones have no number.
const STACKS: usize = 4_096;

/// The words of a slot: the two halves of the hash, the number of frames, the frames.
const HEAD: usize = 3;
const SLOT: usize = 64;

const _: () = assert!(HEAD + DEPTH <= SLOT, "a slot holds a whole stack");

/// Distinct stacks, in a table that is looked up by their hash.
pub(super) struct AwaitSites {
    slots: Region<u32>,
    used: usize,
}

impl AwaitSites {
    /// An empty table. It reserves address space and uses none.
    pub(super) fn reserve() -> Self {
        Self { slots: Region::zeros(STACKS * SLOT), used: 0 }
    }

    /// The number of a stack, new or known; `None` if the table is full.
    pub(super) fn of(&mut self, trace: &Trace, hash: u64) -> Option<u32> {
        let stamp = [hash as u32 | 1, (hash >> 32) as u32];
        let slots = self.slots.values_mut();
        let mut at = hash as usize % STACKS;
        loop {
            let slot = &mut slots[at * SLOT..(at + 1) * SLOT];
            if slot[..2] == stamp {
                return Some(at as u32);
            }
            if slot[0] == 0 {
                if self.used == STACKS / 4 * 3 {
                    return None;
                }
                self.used += 1;
                let frames = trace.frames();
                slot[..2].copy_from_slice(&stamp);
                slot[2] = frames.len() as u32;
                slot[HEAD..HEAD + frames.len()].copy_from_slice(frames);
                return Some(at as u32);
            }
            at = (at + 1) % STACKS;
        }
    }

    /// The return addresses of the stack of this number.
    pub(super) fn frames(&self, number: u32) -> &[u32] {
        let at = number as usize * SLOT;
        let Some(slot) = self.slots.values().get(at..at + SLOT) else { return &[] };
        &slot[HEAD..HEAD + slot[2] as usize]
    }
}
