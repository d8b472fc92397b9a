//! Descriptors that are not the caller's own: of another node, of an earlier life, from outside the run.
//! A `static` or a value of the scenario carries them over; what may pass is a waker's wake-up, and nothing else.

use crate::event::{NodeId, What};
use crate::host::system;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::{Inert, Kind};
use crate::kernel::process::fd::number::{FIRST, node_of};
use crate::kernel::process::fd::readiness::IN;
use crate::kernel::sched::thread::ThreadId;
use libc::c_int;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many pairs from outside are remembered; when there are more, the oldest are forgotten.
const PAIRS: usize = 32;

/// Pairs of sockets that were made outside the run: both numbers and what tells that they still are what they were.
struct Pair {
    ends: AtomicU64,
    inodes: [AtomicU64; 2],
}

static KNOWN: [Pair; PAIRS] =
    [const { Pair { ends: AtomicU64::new(0), inodes: [const { AtomicU64::new(0) }; 2] } }; PAIRS];
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The number of what a real descriptor refers to; 0 if it refers to nothing.
fn inode(fd: c_int) -> u64 {
    // SAFETY: zeroes are a valid structure, and the call fills it or fails.
    unsafe {
        let mut status: libc::stat = std::mem::zeroed();
        match system::call(libc::SYS_fstat, fd as usize, (&raw mut status).addr(), 0, 0, 0, 0) {
            0 => status.st_ino,
            _ => 0,
        }
    }
}

/// Remembers a pair that was made outside the run.
pub(crate) fn remember(ends: [c_int; 2]) {
    let pair = &KNOWN[NEXT.fetch_add(1, Ordering::Relaxed) as usize % PAIRS];
    pair.ends.store((ends[0] as u64) << 32 | ends[1] as u64, Ordering::Relaxed);
    for (place, fd) in pair.inodes.iter().zip(ends) {
        place.store(inode(fd), Ordering::Relaxed);
    }
}

/// The other end of a pair from outside, if this number still is one of its ends.
fn other_end(fd: c_int) -> Option<c_int> {
    KNOWN.iter().find_map(|pair| {
        let ends = pair.ends.load(Ordering::Relaxed);
        let ends = [(ends >> 32) as c_int, ends as u32 as c_int];
        let side = ends.iter().position(|end| *end == fd && fd != 0)?;
        let stands = pair.inodes[side].load(Ordering::Relaxed);
        (stands != 0 && stands == inode(fd)).then_some(ends[1 - side])
    })
}

/// The caller's own copy of an end of a pair from outside the run.
fn mirror(kernel: &mut Kernel, me: ThreadId, fd: c_int) -> Option<DescriptionId> {
    let node = kernel.sched[me].node();
    let known = |kernel: &Kernel| kernel[node].descriptors().mirror(fd);
    if let Some(id) = known(kernel) {
        return Some(id);
    }
    let other = other_end(fd)?;
    let ends = kernel.add_channel(node, true, true);
    for (number, id) in [(fd, ends.0), (other, ends.1)] {
        // The static that holds the real one never closes it, so its copy stays open as long as the process lives.
        if let Some(description) = kernel.process.description_mut(id) {
            description.add_reference();
        }
        kernel[node].descriptors_mut().add_mirror(number, id);
    }
    known(kernel)
}

/// What a copy of a descriptor from outside the run refers to: for an end of a pair, such as the one that tokio's signal
/// driver keeps for the whole process, one that this process has for itself; for anything else, nothing ever comes out of it.
pub(crate) fn copy_of(kernel: &mut Kernel, me: ThreadId, fd: c_int) -> DescriptionId {
    let node = kernel.sched[me].node();
    mirror(kernel, me, fd).unwrap_or_else(|| kernel.process.open(node, true, Kind::Inert(Inert)))
}

/// Whose a number is that means nothing in the caller's process.
enum Whose {
    /// Of a process that runs, on another node.
    Living(NodeId, DescriptionId),
    /// Of a process that has ended, or closed since.
    Gone(NodeId),
    /// Of nobody.
    Nobody,
}

fn whose(kernel: &Kernel, me: ThreadId, fd: c_int) -> Whose {
    let Some(node) = node_of(fd) else { return Whose::Nobody };
    let Some(it) = kernel.process.node(node) else { return Whose::Nobody };
    match it.descriptors().get(fd) {
        Some(id) if node != kernel.sched[me].node() => Whose::Living(node, id),
        _ => Whose::Gone(node),
    }
}

fn name(kernel: &Kernel, node: NodeId) -> &str {
    kernel.process.node(node).map_or("?", |node| node.name())
}

/// A wake-up for another process or an earlier life: an eventfd is written to, as async runtimes do to wake a task. It
/// reaches a process that runs; what was meant for one that has ended is gone with it. Says whether it was one.
#[cold]
pub(crate) fn wakes(kernel: &mut Kernel, me: ThreadId, fd: c_int, bytes: &[u8]) -> bool {
    let Some(value) = bytes.first_chunk().filter(|_| bytes.len() == 8).map(|bytes| u64::from_ne_bytes(*bytes)) else {
        return false;
    };
    match whose(kernel, me, fd) {
        Whose::Living(node, id) => {
            if kernel.process.signals().is_relayed_by(me) {
                super::signals::told_another(kernel, me, node);
            }
            let Some(counter) = kernel.process.event(id) else { return false };
            // A full counter wakes as well as one that grows.
            let _ = counter.add(value);
            let cause = kernel.sched[me].cause();
            kernel.notify(id, IN, cause);
            true
        }
        // A closed number of this life is an error; one of an earlier life is a waker that outlived its runtime.
        Whose::Gone(node) if node == kernel.sched[me].node() => {
            let base = kernel[node].descriptors().base();
            !(0..crate::kernel::process::fd::number::SLOTS_MAX as c_int).contains(&fd.wrapping_sub(base))
        }
        Whose::Gone(_) => true,
        Whose::Nobody => false,
    }
}

/// What a number refers to that means nothing in the caller's process: its own copy of what comes from outside, or an error.
/// What belongs to another process that runs ends the run.
#[cold]
pub(crate) fn describe(kernel: &mut Kernel, me: ThreadId, fd: c_int, call: &str) -> Result<DescriptionId, Errno> {
    let mine = kernel.sched[me].node();
    if (3..FIRST).contains(&fd) {
        if call != "close"
            && let Some(id) = mirror(kernel, me, fd)
        {
            return Ok(id);
        }
        let node = name(kernel, mine);
        super::refuse_about(
            &format!("{call} with a descriptor from outside the run"),
            &format!("{call} on {node} with descriptor {fd}, which was opened outside the run"),
        );
    }
    match whose(kernel, me, fd) {
        Whose::Living(node, _) => super::refuse_about(
            &format!("{call} with a descriptor of another node"),
            &format!(
                "{call} on {} with descriptor {fd}, which {} opened: nodes share nothing but the network; a `static` or a \
                 value that both nodes' closures captured holds the descriptor",
                name(kernel, mine),
                name(kernel, node),
            ),
        ),
        // A destructor of something that outlived its process.
        Whose::Gone(node) if node != mine && call == "close" => Err(libc::EBADF),
        Whose::Gone(_) | Whose::Nobody => {
            let call = kernel.recorder.name(call);
            kernel.emit(me, What::BadDescriptor { fd, function: call });
            Err(libc::EBADF)
        }
    }
}
