//! The simulated machines of afterlife: one seeded simulation of clocks, threads, networks, disks and failures, behind the C
//! library's own symbols. It knows no scenario, no search, no terminal and no command line.
//!
//! Programs reach the simulation through the C library's symbols, which this crate defines. Outside a run these calls pass
//! through to the C library.
//!
//! | item | content |
//! |---|---|
//! | [`run`], [`Machine`], [`Settings`], [`Outcome`] | runs a simulation to its end on the calling thread |
//! | [`Observer`], [`Control`] | receives the events of a run; queries the simulation and acts on it |
//! | [`event`] | events, probe events, the digest: the one vocabulary of everything downstream |
//! | [`choice`] | the choices that a seed decides |
//! | [`isolate`] | one process for each run |
//! | [`disk`] | the disk of a node; works without a simulation, too |
//! | [`emit`], [`report`], [`trace`], [`outside`] and others | called by the harness on a node's thread during a run |

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("the native engine runs on 64-bit Linux");

pub mod event;
mod guest;
mod host;
pub mod isolate;
mod kernel;
mod libc;

pub use self::libc::Memory;
pub use event::recorder::{Recorded, digest_of};
pub use isolate::{Machine, Outcome, run};
pub use kernel::control::{Control, Observer, Status};
pub use kernel::ending::{Crash, Ending};
pub use kernel::fs::disk;
pub use kernel::net::link::{Latency, Link, LinkFault};
pub use kernel::process::address::NODES_MAX;
pub use kernel::process::node::{ExitCode, Main};
pub use kernel::process::output::{LogLine, Source};
pub use kernel::process::storage::DiskBuild;
pub use kernel::sched::call_site::CallSites;
pub use kernel::sched::choice;
pub use kernel::sched::preemption::Schedule;
pub use kernel::sched::spin::SPIN_MAX;
pub use kernel::settings::Settings;

/// The parts that both guest engines share. All programs run on one thread of the simulation; each host is a node.
#[cfg(any(feature = "turmoil", madsim))]
pub mod guests {
    pub use crate::guest::program::{Main, Program, is_muted, stop_requests};
}

/// turmoil as a guest engine.
#[cfg(feature = "turmoil")]
pub mod turmoil {
    pub use crate::guest::turmoil::{abort, exit, run, turn_begins, turn_ends};
}

/// madsim as a guest engine.
#[cfg(madsim)]
pub mod madsim {
    pub use crate::guest::madsim::{
        Incarnation, host_name, run, starting, task_gone, task_made, turn_begins, turn_ends,
    };
}

/// Returns whether the calling thread is part of a run.
pub fn is_inside() -> bool {
    crate::libc::here().is_some()
}

/// Emits an event on the calling thread of a run. `make` receives the function that interns texts. Does nothing outside a run.
pub fn emit(make: impl FnOnce(&mut dyn FnMut(&str) -> event::Name) -> event::What) {
    crate::libc::emit(make);
}

/// Reports a fact on the calling thread of a run, as a probe at this source line would. Returns the sink's answer; 0 outside a
/// run.
pub fn report(fact: &afterlife_probe::Fact<'_>, file: &str, line: u32) -> u64 {
    crate::libc::tell(fact, file, line)
}

/// Returns the node and the incarnation of the calling thread; `None` outside a run.
pub fn current_process() -> Option<(event::NodeId, u16)> {
    let me = crate::libc::here()?;
    Some(crate::libc::kernel(me, |kernel| (kernel.sched.threads[me].node, kernel.sched.threads[me].incarnation)))
}

/// Records a line that the calling thread of a run traces for this target, if [`Settings::lines`] is set. The line is not an
/// event and not part of the digest.
pub fn trace(source: Source, target: &str, line: std::fmt::Arguments<'_>) {
    crate::libc::keep_line(source, target, line);
}

/// Sets the function that returns the number of the running asynchronous task, which is not 0. Later calls have no effect.
pub fn set_task_source(source: fn() -> u64) {
    crate::libc::set_task_source(source);
}

/// Makes the simulation follow tasks: the cause of a task's event is then the event that woke the task, or its own previous one.
///
/// `waker` belongs to a task that is being polled; the runtime's own tables are found through it. Call this once in a process,
/// before any run. Returns `false` if the runtime is unknown or the program has no symbols. The cause of a task's event is then
/// the event that woke its runtime's thread.
pub fn follow_tasks(waker: &std::task::Waker) -> bool {
    crate::libc::follow_tasks(waker)
}

/// Finds std's guard against a second `std::process::exit`, since each node is a process that may exit once. Call this once in a
/// process, before any run. In a program without symbols, a second exit in a run never returns.
pub fn follow_exits() {
    crate::libc::find_exits();
}

/// Returns whether tasks are followed.
pub fn follows_tasks() -> bool {
    crate::libc::follows_tasks()
}

/// Polls the main future of the calling thread's process. `key` identifies the future; no other future may have it.
pub fn poll_main<R>(key: usize, poll: impl FnOnce() -> R) -> R {
    let _polling = crate::libc::Polling::begin(key, true);
    poll()
}

/// Records that the main future of this key was woken.
pub fn main_woken(key: usize) {
    crate::libc::woken(key);
}

/// Returns a descriptor that becomes readable when the calling thread's process is asked to stop; `None` outside a run.
pub fn stop_descriptor() -> Option<std::os::fd::OwnedFd> {
    crate::libc::stop_descriptor()
}

/// Returns whether this program's allocator is [`Memory`], so that the memory of nodes is accounted for.
pub fn accounts_memory() -> bool {
    crate::libc::books_memory()
}

/// Runs `work` outside the simulation: its calls pass through to the host, and its memory is not accounted for. For the harness's
/// own work on a node's thread. `work` must not wait for another thread.
pub fn outside<R>(work: impl FnOnce() -> R) -> R {
    crate::libc::outside(work)
}

/// Records that the main function of the calling thread's process has ended, and the number of tasks in its asynchronous
/// runtime, which has not been dropped yet. Leaks of the process are measured from here. Does nothing outside a run.
pub fn main_ended(tasks: usize) {
    crate::libc::main_is_over(tasks);
}

/// Returns the virtual time in nanoseconds since the run began; `None` outside a run.
pub fn now_ns() -> Option<u64> {
    let me = crate::libc::here()?;
    Some(crate::libc::kernel(me, |kernel| kernel.sched.now_ns))
}

/// Returns the address in this process of a frame of one of a run's [`CallSites`]; `None` if it is unknown. The run must have been
/// one of the same program.
pub fn address_of(frame: u32) -> Option<usize> {
    kernel::sched::fiber::address_of(frame)
}

/// Returns the kind of context switch in this process: in user space, or by futex where that is unavailable.
pub fn context_switch() -> &'static str {
    match kernel::sched::fiber::passing() {
        kernel::sched::fiber::Passing::Switch => "switch",
        kernel::sched::fiber::Passing::Futex => "futex",
    }
}
