//! Places of a run: where a thread, a task or a descriptor was made, as a stack of return addresses under a number.
//! It does not know what an address means; whoever tells of a place finds that out, later and elsewhere.

use crate::kernel::sched::fiber::Trace;
use std::collections::BTreeMap;

/// A place of the run, numbered in the order in which places are first met; 0 is none. The stack of a place is the same in
/// every run of the same program, so its number is no matter of chance; two builds of a program number differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallSite(pub(crate) u32);

/// All places of a run.
#[derive(Default)]
pub struct CallSites {
    known: BTreeMap<u64, CallSite>,
    frames: Vec<u32>,
    ends: Vec<u32>,
}

impl CallSites {
    /// The number of a stack, new or known.
    pub(crate) fn of(&mut self, trace: &Trace) -> CallSite {
        let frames = trace.frames();
        if frames.is_empty() {
            return CallSite::default();
        }
        // FNV-1a over words. Two stacks with one hash would be told as one place: no verdict hangs on it but by that text.
        let hash = frames.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, frame| {
            (hash ^ u64::from(*frame)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        *self.known.entry(hash).or_insert_with(|| {
            self.frames.extend_from_slice(frames);
            self.ends.push(self.frames.len() as u32);
            CallSite(self.ends.len() as u32)
        })
    }

    /// The return addresses of a place by its number, innermost first, relative to where the program was loaded; 0, which
    /// is no place, has none.
    pub fn frames(&self, place: u32) -> &[u32] {
        let Some(index) = (place as usize).checked_sub(1) else { return &[] };
        let Some(end) = self.ends.get(index) else { return &[] };
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.frames[start as usize..*end as usize]
    }
}
