//! The simulated machines: one seeded simulation of clocks, threads, networks, disks and failures, behind the C library's own
//! symbols. It knows no scenario, no search, no terminal and no command line.
//!
//! | | |
//! |---|---|
//! | [`event`] | what happened, in order: the one type that everything downstream reads |
//! | [`run`], [`Machine`], [`Settings`], [`Outcome`] | a simulation, run to its end on the calling thread |
//! | [`Observer`], [`Control`] | who sees what happens, and what may be done about it |
//! | [`choice`] | keyed choices: what a seed decides |
//! | [`isolate`] | one process for each run |
//! | [`disk`] | the disk of a node, on its own |
//! | [`event::ProbeEvent`] | a report of a probe, as an event |
//!
//! Programs reach the simulation by the C library's symbols, which this crate defines. Outside a run they pass through.

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
pub use kernel::net::link::{Latency, Link, LinkTrouble};
pub use kernel::process::address::NODES_MAX;
pub use kernel::process::node::{ExitCode, Main};
pub use kernel::process::output::{LogLine, Source};
pub use kernel::process::storage::DiskBuild;
pub use kernel::sched::call_site::CallSites;
pub use kernel::sched::choice;
pub use kernel::sched::preemption::Schedule;
pub use kernel::sched::spin::SPIN_MAX;
pub use kernel::settings::Settings;

pub use kernel::control::Control as Room;
pub use kernel::sched::call_site::CallSites as Places;

/// What the engines have in common that a room carries: one thread of it has their simulation, and each of their hosts is a
/// node of the room.
#[cfg(any(feature = "turmoil", madsim))]
pub mod guests {
    pub use crate::guest::program::{Main, Program, is_muted, stop_requests};
}

/// turmoil as an engine.
#[cfg(feature = "turmoil")]
pub mod turmoil {
    pub use crate::guest::turmoil::{abort, exit, run, turn_begins, turn_ends};
}

/// madsim as an engine.
#[cfg(madsim)]
pub mod madsim {
    pub use crate::guest::madsim::{Life, born, host_name, run, task_gone, task_made, turn_begins, turn_ends};
}

/// Returns whether the calling thread is part of a run.
pub fn is_inside() -> bool {
    crate::libc::here().is_some()
}

/// Lets something happen on the calling thread of a run; `make` gets what numbers texts. Does nothing outside of one.
pub fn emit(make: impl FnOnce(&mut dyn FnMut(&str) -> event::Name) -> event::What) {
    crate::libc::emit(make);
}

/// Tells a fact on behalf of the calling thread of a run, as a probe at this place would; the answer is the sink's, 0 outside of
/// a run.
pub fn tell(fact: &afterlife_probe::Fact<'_>, file: &str, line: u32) -> u64 {
    crate::libc::tell(fact, file, line)
}

/// The node of the calling thread of a run, and its incarnation.
pub fn whereabouts() -> Option<(event::NodeId, u16)> {
    let me = crate::libc::here()?;
    Some(crate::libc::kernel(me, |kernel| (kernel.sched.threads[me].node, kernel.sched.threads[me].incarnation)))
}

/// Keeps a line that the calling thread of a run traces for this target, if lines are kept. It is no event and part of no digest.
pub fn trace(source: Source, target: &str, line: std::fmt::Arguments<'_>) {
    crate::libc::keep_line(source, target, line);
}

/// Sets how the running asynchronous task is found: a number that is not 0. The first source stays.
pub fn set_task_source(source: fn() -> u64) {
    crate::libc::set_task_source(source);
}

/// Makes the simulation follow tasks: who wakes which, and what each did before. The waker is that of a task which is being
/// polled: by it the runtime's own tables are found. Call it once in a process, before any run. `false` if this runtime is not
/// known or the program has no symbols: then the cause of what happens in a task is what its runtime's thread woke up for.
pub fn follow_tasks(waker: &std::task::Waker) -> bool {
    crate::libc::follow_tasks(waker)
}

/// Finds std's record of `std::process::exit`, which one thread of a process may call: each node is such a process. Call it once in a process, before any run. In a program without symbols a second call in a run never returns.
pub fn follow_exits() {
    crate::libc::find_exits();
}

/// Returns whether tasks are followed.
pub fn follows_tasks() -> bool {
    crate::libc::follows_tasks()
}

/// Polls the main future of the calling thread's process, which goes by this number; no other may have it.
pub fn poll_main<R>(key: usize, poll: impl FnOnce() -> R) -> R {
    let _polling = crate::libc::Polling::begin(key, true);
    poll()
}

/// Says that the main future of this number was woken.
pub fn main_woken(key: usize) {
    crate::libc::woken(key);
}

/// A descriptor that becomes readable when a stop of the calling thread's process is requested; `None` outside a run.
pub fn stop_descriptor() -> Option<std::os::fd::OwnedFd> {
    crate::libc::stop_descriptor()
}

/// Returns whether this program's allocator is [`Memory`], so that memory is accounted for.
pub fn books_memory() -> bool {
    crate::libc::books_memory()
}

/// Takes the calling thread out of the run for a while: its calls pass through, and its memory is not accounted for. For the harness's own work
/// on a node's thread; nothing in it may wait for another thread.
pub fn outside<R>(work: impl FnOnce() -> R) -> R {
    crate::libc::outside(work)
}

/// Says that the main function of the calling thread's process is over, and how many tasks its asynchronous runtime has at
/// that moment, before it is dropped: what is then left of the process's own tasks is told. Does nothing outside a run.
pub fn main_is_over(tasks: usize) {
    crate::libc::main_is_over(tasks);
}

/// The virtual time, in nanoseconds since the run began; `None` outside a run.
pub fn now_ns() -> Option<u64> {
    let me = crate::libc::here()?;
    Some(crate::libc::kernel(me, |kernel| kernel.sched.now_ns))
}

/// Where a return address of one of a run's [`CallSites`] lies in this process, which must be one of the same program; `None` if
/// that is not known.
pub fn address_of(frame: u32) -> Option<usize> {
    kernel::sched::fiber::address_of(frame)
}

/// The kind of context switch in this process: in user space, or by futex where that is unavailable.
pub fn passing() -> &'static str {
    match kernel::sched::fiber::passing() {
        kernel::sched::fiber::Passing::Switch => "switch",
        kernel::sched::fiber::Passing::Futex => "futex",
    }
}
