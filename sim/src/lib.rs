//! The virtual machine room: one seeded world of clocks, threads, networks, disks and deaths, behind the C library's own
//! symbols. It knows no scenario, no search, no screen and no command line.
//!
//! | | |
//! |---|---|
//! | [`event`] | what happened, in order: the one type that everything downstream reads |
//! | [`run`], [`Machine`], [`Settings`], [`Outcome`] | a room, run to its end on the calling thread |
//! | [`Observer`], [`Room`] | who sees what happens, and what may be done about it |
//! | [`choice`] | keyed choices: what a seed decides |
//! | [`isolate`] | one process for each run |
//! | [`disk`] | the disk of a node, on its own |
//! | [`told`] | what probes say, as events |
//!
//! Programs reach the room by the C library's symbols, which this crate defines. Outside a run they pass through.

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("the native engine runs on 64-bit Linux");
#[cfg(all(feature = "turmoil", madsim))]
compile_error!("one engine in one build: turmoil by its feature, or madsim by `--cfg madsim`");

mod abi;
mod engine;
pub mod event;
mod kernel;
mod log;
mod real;
pub mod told;

pub use abi::Memory;
pub use engine::{Machine, Outcome, run};
pub use kernel::ending::{Crash, Ending};
pub use kernel::lines::{LogLine, Source};
pub use kernel::link::{Latency, Link, LinkTrouble};
pub use kernel::place::Places;
pub use kernel::process::{DiskBuild, ExitCode, Main, NODES_MAX};
pub use kernel::room::{Observer, Room, Status};
pub use kernel::spin::SPIN_MAX;
pub use kernel::thread::Schedule;
pub use kernel::world::Settings;
pub use kernel::{choice, disk};
pub use log::{Kept, digest_of};

/// What the engines have in common that a room carries: one thread of it has their simulation, and each of their hosts is a
/// node of the room.
#[cfg(any(feature = "turmoil", madsim))]
pub mod carried {
    pub use crate::engine::carried::{Main, Program, is_muted, stop_requests};
}

/// turmoil as an engine.
#[cfg(feature = "turmoil")]
pub mod turmoil {
    pub use crate::engine::turmoil::{abort, exit, run, turn_begins, turn_ends};
}

/// madsim as an engine.
#[cfg(madsim)]
pub mod madsim {
    pub use crate::engine::madsim::{Life, born, run, task_gone, task_made, turn_begins, turn_ends};
}

/// One process for each run.
pub mod isolate {
    pub use crate::engine::{ChildEnd, How, become_host, cpu_ns, fix_addresses, in_child, last_words};
}

/// Whether the calling thread is part of a run.
pub fn is_inside() -> bool {
    abi::here().is_some()
}

/// Lets something happen on the calling thread of a run; `make` gets what numbers texts. Does nothing outside of one.
pub fn emit(make: impl FnOnce(&mut dyn FnMut(&str) -> event::Name) -> event::What) {
    abi::emit(make);
}

/// Tells a fact on behalf of the calling thread of a run, as a probe at this place would; the answer is the sink's, 0 outside of
/// a run.
pub fn tell(fact: &afterlife_probe::Fact<'_>, file: &str, line: u32) -> u64 {
    abi::tell(fact, file, line)
}

/// Where the calling thread of a run is: its node, and in which life that is.
pub fn whereabouts() -> Option<(event::NodeId, u16)> {
    let me = abi::here()?;
    Some(abi::kernel(me, |world| (world.threads[me].node, world.threads[me].incarnation)))
}

/// Keeps a line that the calling thread of a run traces for this target, if lines are kept. It is no event and part of no digest.
pub fn trace(source: Source, target: &str, line: std::fmt::Arguments<'_>) {
    abi::keep_line(source, target, line);
}

/// Sets how the running asynchronous task is found: a number that is not 0. The first source stays.
pub fn set_task_source(source: fn() -> u64) {
    abi::set_task_source(source);
}

/// Has the room follow tasks from here on: who wakes which, and what each did before. The waker is that of a task which is being
/// polled: by it the runtime's own tables are found. Call it once in a process, before any run. `false` if this runtime is not
/// known or the program has no symbols: then the cause of what happens in a task is what its runtime's thread woke up for.
pub fn follow_tasks(waker: &std::task::Waker) -> bool {
    abi::follow_tasks(waker)
}

/// Has the room find what std remembers of `std::process::exit`, which one thread of a process may call: in a room each node is
/// one. Call it once in a process, before any run. In a program without symbols a second call in a run never returns.
pub fn follow_exits() {
    abi::find_exits();
}

/// Whether tasks are followed.
pub fn follows_tasks() -> bool {
    abi::follows_tasks()
}

/// Polls the main future of the calling thread's process, which goes by this number; no other may have it.
pub fn poll_main<R>(key: usize, poll: impl FnOnce() -> R) -> R {
    let _polling = abi::Polling::begin(key, true);
    poll()
}

/// Says that the main future of this number was woken.
pub fn main_woken(key: usize) {
    abi::woken(key);
}

/// A descriptor that becomes readable when a stop of the calling thread's process is requested; `None` outside a run.
pub fn stop_descriptor() -> Option<std::os::fd::OwnedFd> {
    abi::stop_descriptor()
}

/// Whether this program's allocator is [`Memory`], so that memory is booked.
pub fn books_memory() -> bool {
    abi::books_memory()
}

/// Lets the calling thread count as none of a run's: what it does passes no door and is not booked. For the harness's own work
/// on a node's thread; nothing in it may wait for another thread.
pub fn outside<R>(work: impl FnOnce() -> R) -> R {
    abi::outside(work)
}

/// Says that the main function of the calling thread's process is over, and how many tasks its asynchronous runtime has at
/// that moment, before it is dropped: what is then left of the process's own tasks is told. Does nothing outside a run.
pub fn main_is_over(tasks: usize) {
    abi::main_is_over(tasks);
}

/// The virtual time, in nanoseconds since the run began; `None` outside a run.
pub fn now_ns() -> Option<u64> {
    let me = abi::here()?;
    Some(abi::kernel(me, |world| world.now_ns))
}

/// Where a return address of one of a run's [`Places`] lies in this process, which must be one of the same program; `None` if
/// that is not known.
pub fn address_of(frame: u32) -> Option<usize> {
    kernel::baton::address_of(frame)
}

/// What madsim calls the node that the calling thread is at work for; the machine's name elsewhere.
#[cfg(madsim)]
pub fn host_name() -> String {
    real::host_name()
}

/// How the baton passes in this process: in user space, or by futex where that is not to be had.
pub fn passing() -> &'static str {
    match kernel::baton::passing() {
        kernel::baton::Passing::Switch => "switch",
        kernel::baton::Passing::Futex => "futex",
    }
}
