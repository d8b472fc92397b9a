//! Call sites: stacks of return addresses, under numbers. Threads, tasks and descriptors are labelled with them.
//! It does not resolve addresses to source lines; that happens after the run.

use crate::event::Seq;
use crate::kernel::sched::await_sites::AwaitSites;
use crate::kernel::sched::fiber::Trace;
use std::collections::BTreeMap;

/// The bit of numbers of awaits.
const AWAIT: u32 = 1 << 31;

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
    /// The call sites of awaits.
    awaits: Option<AwaitSites>,
    /// Details of waits. Every run has the room, and recorded runs use it.
    details: Vec<WaitDetail>,
}

/// The most details of waits that a run keeps.
const DETAILS_MAX: usize = 512;

/// A further call site of the task or thread of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitDetail {
    /// The event of the wait.
    pub wait: Seq,
    /// When the task awaited something there, in nanoseconds; `None` for the call that spawned the task or started the thread.
    pub awaited_ns: Option<u64>,
    /// The number of the call site.
    pub call_site: u32,
}

/// FNV-1a over words. Two stacks with the same hash share a number: that can mislabel a report, but changes no verdict.
fn hash(frames: &[u32]) -> u64 {
    frames
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, frame| (hash ^ u64::from(*frame)).wrapping_mul(0x0000_0100_0000_01b3))
}

impl CallSites {
    /// Empty, with room for the call sites of awaits.
    pub(crate) fn new() -> Self {
        Self { awaits: Some(AwaitSites::reserve()), details: Vec::with_capacity(DETAILS_MAX), ..Self::default() }
    }

    /// Adds a detail of a wait, if its call site is known and there is room. It allocates nothing.
    pub(crate) fn detail(&mut self, wait: Seq, call_site: CallSite, awaited_ns: Option<u64>) {
        if call_site != CallSite(0) && self.details.len() < DETAILS_MAX {
            self.details.push(WaitDetail { wait, awaited_ns, call_site: call_site.0 });
        }
    }

    /// The details of the waits that recorded runs report.
    pub fn details(&self) -> &[WaitDetail] {
        &self.details
    }

    /// The number of the stack of an await, new or known. It allocates nothing.
    pub(crate) fn of_await(&mut self, trace: &Trace) -> CallSite {
        let awaits = self.awaits.as_mut().filter(|_| !trace.frames().is_empty());
        let number = awaits.and_then(|awaits| awaits.of(trace, hash(trace.frames())));
        CallSite(number.map_or(0, |number| number | AWAIT))
    }

    /// The number of a stack, new or known.
    pub(crate) fn of(&mut self, trace: &Trace) -> CallSite {
        let frames = trace.frames();
        if frames.is_empty() {
            return CallSite::default();
        }
        *self.known.entry(hash(frames)).or_insert_with(|| {
            self.frames.extend_from_slice(frames);
            self.ends.push(self.frames.len() as u32);
            CallSite(self.ends.len() as u32)
        })
    }

    /// The return addresses of the call site of this number, innermost first, relative to the program's load address.
    /// Call site 0 has none.
    pub fn frames(&self, number: u32) -> &[u32] {
        if number & AWAIT != 0 {
            return self.awaits.as_ref().map_or(&[], |awaits| awaits.frames(number & !AWAIT));
        }
        let Some(index) = (number as usize).checked_sub(1) else { return &[] };
        let Some(end) = self.ends.get(index) else { return &[] };
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.frames[start as usize..*end as usize]
    }
}
