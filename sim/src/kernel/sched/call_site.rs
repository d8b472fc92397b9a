//! Call sites: stacks of return addresses, under numbers. Threads, tasks and descriptors are labelled with them.
//! It does not resolve addresses to source lines; that happens after the run.

use crate::kernel::sched::fiber::Trace;
use std::collections::BTreeMap;

/// A call site, numbered in the order in which a run first meets them; 0 is none. The numbers are the same in every run
/// of the same executable; two builds of a program number differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallSite(pub(crate) u32);

/// All call sites of a run.
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
        // FNV-1a over words. Two stacks with the same hash share a number: that can mislabel a report, but changes no
        // verdict.
        let hash = frames.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, frame| {
            (hash ^ u64::from(*frame)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        *self.known.entry(hash).or_insert_with(|| {
            self.frames.extend_from_slice(frames);
            self.ends.push(self.frames.len() as u32);
            CallSite(self.ends.len() as u32)
        })
    }

    /// The return addresses of the call site of this number, innermost first, relative to the program's load address.
    /// Call site 0 has none.
    pub fn frames(&self, number: u32) -> &[u32] {
        let Some(index) = (number as usize).checked_sub(1) else { return &[] };
        let Some(end) = self.ends.get(index) else { return &[] };
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.frames[start as usize..*end as usize]
    }
}
