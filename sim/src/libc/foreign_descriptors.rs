//! Foreign descriptors: of another node, of an earlier incarnation, or from outside the run.
//! A `static` or a value of the scenario hands them to a process. The wake-up of a task passes; any other use ends the run.

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

/// The number of pairs from outside that are remembered. The oldest are forgotten.
const PAIRS: usize = 32;

/// A pair of sockets that was made outside the run: both numbers, and the inodes that show whether the numbers still mean it.
struct Pair {
    ends: AtomicU64,
    inodes: [AtomicU64; 2],
}

static KNOWN: [Pair; PAIRS] =
    [const { Pair { ends: AtomicU64::new(0), inodes: [const { AtomicU64::new(0) }; 2] } }; PAIRS];
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The inode that a real descriptor refers to; 0 if it is not open.
fn inode(fd: c_int) -> u64 {
    // SAFETY: `fstat(2)` takes any number, and room for a structure, of which zeros are a valid value.
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
    for (known, fd) in pair.inodes.iter().zip(ends) {
        known.store(inode(fd), Ordering::Relaxed);
    }
}

/// The other end of a pair from outside, if this number is still one of its ends.
fn other_end(fd: c_int) -> Option<c_int> {
    KNOWN.iter().find_map(|pair| {
        let ends = pair.ends.load(Ordering::Relaxed);
        let ends = [(ends >> 32) as c_int, ends as u32 as c_int];
        let side = ends.iter().position(|end| *end == fd && fd != 0)?;
        let known = pair.inodes[side].load(Ordering::Relaxed);
        (known != 0 && known == inode(fd)).then_some(ends[1 - side])
    })
}

/// The calling process's own copy of an end of a pair from outside the run.
fn mirror(kernel: &mut Kernel, me: ThreadId, fd: c_int) -> Option<DescriptionId> {
    let node = kernel.sched[me].node();
    let known = |kernel: &Kernel| kernel[node].descriptors().mirror(fd);
    if let Some(id) = known(kernel) {
        return Some(id);
    }
    let other = other_end(fd)?;
    let ends = kernel.add_channel(node, true, true);
    for (number, id) in [(fd, ends.0), (other, ends.1)] {
        // The static that holds the real one never closes it, so the copy stays open until its process ends.
        if let Some(description) = kernel.process.description_mut(id) {
            description.add_reference();
        }
        kernel[node].descriptors_mut().add_mirror(number, id);
    }
    known(kernel)
}

/// The description for a duplicate of a descriptor from outside the run. An end of a pair, such as the one that tokio's signal
/// driver keeps for the whole process, becomes the process's own; anything else becomes a descriptor that never has data.
pub(crate) fn copy_of(kernel: &mut Kernel, me: ThreadId, fd: c_int) -> DescriptionId {
    let node = kernel.sched[me].node();
    mirror(kernel, me, fd).unwrap_or_else(|| kernel.process.open(node, true, Kind::Inert(Inert)))
}

/// The owner of a number that is not open in the calling process.
enum Owner {
    /// A process that runs, on another node.
    Running(NodeId, DescriptionId),
    /// A process that has ended, or has closed the number.
    Gone(NodeId),
    /// No process.
    None,
}

fn owner(kernel: &Kernel, me: ThreadId, fd: c_int) -> Owner {
    let Some(node) = node_of(fd) else { return Owner::None };
    let Some(process) = kernel.process.node(node) else { return Owner::None };
    match process.descriptors().get(fd) {
        Some(id) if node != kernel.sched[me].node() => Owner::Running(node, id),
        _ => Owner::Gone(node),
    }
}

fn name(kernel: &Kernel, node: NodeId) -> &str {
    kernel.process.node(node).map_or("?", |node| node.name())
}

/// Delivers a wake-up for another process or an earlier incarnation: a write to an eventfd, by which async runtimes wake a task. It
/// reaches a process that runs, and is lost with one that has ended. Returns whether the write was one.
#[cold]
pub(crate) fn wakes(kernel: &mut Kernel, me: ThreadId, fd: c_int, bytes: &[u8]) -> bool {
    let Some(value) = bytes.first_chunk().filter(|_| bytes.len() == 8).map(|bytes| u64::from_ne_bytes(*bytes)) else {
        return false;
    };
    match owner(kernel, me, fd) {
        Owner::Running(node, id) => {
            if kernel.process.signals().is_relayed_by(me) {
                super::signal_handlers::refuse_shared_signal(kernel, me, node);
            }
            let Some(counter) = kernel.process.event(id) else { return false };
            // A full counter wakes as well as one that grows.
            let _ = counter.add(value);
            let cause = kernel.sched[me].cause();
            kernel.notify(id, IN, cause);
            true
        }
        // A closed number of this incarnation is an error; one of an earlier incarnation is a waker that outlived its runtime.
        Owner::Gone(node) if node == kernel.sched[me].node() => {
            let base = kernel[node].descriptors().base();
            !(0..crate::kernel::process::fd::number::SLOTS_MAX as c_int).contains(&fd.wrapping_sub(base))
        }
        Owner::Gone(_) => true,
        Owner::None => false,
    }
}

/// The description of a number that is not open in the calling process: its own copy of a pair from outside, or an error. The
/// number of a process that runs on another node ends the run.
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
    match owner(kernel, me, fd) {
        Owner::Running(node, _) => super::refuse_about(
            &format!("{call} with a descriptor of another node"),
            &format!(
                "{call} on {} with descriptor {fd}, which {} opened: nodes share nothing but the network; a `static` or a \
                 value that both nodes' closures captured holds the descriptor",
                name(kernel, mine),
                name(kernel, node),
            ),
        ),
        // The destructor of an object that outlived its process.
        Owner::Gone(node) if node != mine && call == "close" => Err(libc::EBADF),
        Owner::Gone(_) | Owner::None => {
            let call = kernel.recorder.name(call);
            kernel.emit(me, What::BadDescriptor { fd, function: call });
            Err(libc::EBADF)
        }
    }
}
