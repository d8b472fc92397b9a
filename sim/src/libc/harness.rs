//! The harness's calls: about the calling thread of a run, and about this process before a run.
//! A program under test calls none of them.

use super::{current, main_waker, memory, probes, process, task_wakes, tasks, trace_lines};
use crate::event::{Name, NodeId, What};
use crate::kernel::process::output::Source;
use crate::kernel::sched::fiber;

/// Returns whether the calling thread is part of a run.
pub fn is_inside() -> bool {
    current::here().is_some()
}

/// Emits an event on the calling thread of a run. `make` receives the function that interns texts. Does nothing outside a run.
pub fn emit(make: impl FnOnce(&mut dyn FnMut(&str) -> Name) -> What) {
    probes::emit(make);
}

/// Reports a fact on the calling thread of a run, as a probe at this source line would. Returns the sink's answer; 0 outside a
/// run.
pub fn report(fact: &afterlife_probe::Fact<'_>, file: &str, line: u32) -> u64 {
    probes::report(fact, file, line)
}

/// Returns the node and the incarnation of the calling thread; `None` outside a run.
pub fn current_process() -> Option<(NodeId, u16)> {
    let me = current::here()?;
    Some(current::kernel(me, |kernel| (kernel.sched[me].node(), kernel.sched[me].incarnation())))
}

/// Records a line that the calling thread of a run traces for this target, if [`Settings::lines`](crate::Settings::lines) is
/// set. The line is not an event and not part of the digest.
pub fn trace(source: Source, target: &str, line: std::fmt::Arguments<'_>) {
    trace_lines::keep(source, target, line);
}

/// Sets the function that returns the number of the running asynchronous task, which is not 0. Later calls have no effect.
pub fn set_task_source(source: fn() -> u64) {
    probes::set_task_source(source);
}

/// Makes the simulation follow tasks: the cause of a task's event is then the event that woke the task, or its own previous one.
///
/// `waker` belongs to a task that is being polled; the runtime's own tables are found through it. Call this once in a process,
/// before any run. Returns `false` if the runtime is unknown or the program has no symbols. The cause of a task's event is then
/// the event that woke its runtime's thread.
pub fn follow_tasks(waker: &std::task::Waker) -> bool {
    task_wakes::follow_tasks(waker)
}

/// Finds std's guard against a second `std::process::exit`, since each node is a process that may exit once. Call this once in a
/// process, before any run. In a program without symbols, a second exit in a run never returns.
pub fn follow_exits() {
    process::find_exits();
}

/// Returns whether tasks are followed.
pub fn follows_tasks() -> bool {
    task_wakes::follows_tasks()
}

/// Polls the main future of the calling thread's process. `key` identifies the future; no other future may have it.
pub fn poll_main<R>(key: usize, poll: impl FnOnce() -> R) -> R {
    let _polling = task_wakes::Polling::begin(key, true);
    poll()
}

/// Returns a waker for the main future of the calling thread's process, which reports wakes and registrations and then wakes `waker`;
/// and the key of that future for [`poll_main`].
pub fn main_waker(waker: &std::task::Waker) -> (usize, std::task::Waker) {
    main_waker::reporting(waker)
}

/// Returns a descriptor that becomes readable when the calling thread's process is asked to stop; `None` outside a run.
pub fn stop_descriptor() -> Option<std::os::fd::OwnedFd> {
    process::stop_descriptor()
}

/// Returns whether this program's allocator is [`Memory`](crate::Memory), so that the memory of nodes is accounted for.
pub fn accounts_memory() -> bool {
    memory::is_installed()
}

/// Runs `work` outside the simulation: its calls pass through to the host, and its memory is not accounted for. For the harness's
/// own work on a node's thread. `work` must not wait for another thread.
pub fn outside<R>(work: impl FnOnce() -> R) -> R {
    current::outside(work)
}

/// Records that the main function of the calling thread's process has ended, and the number of tasks in its asynchronous
/// runtime, which has not been dropped yet. Leaks of the process are measured from here. Does nothing outside a run.
pub fn main_ended(tasks: usize) {
    tasks::main_is_over(tasks);
}

/// Returns the virtual time in nanoseconds since the run began; `None` outside a run.
pub fn now_ns() -> Option<u64> {
    let me = current::here()?;
    Some(current::kernel(me, |kernel| kernel.sched.now_ns()))
}

/// Returns the address in this process of a frame of one of a run's [`CallSites`](crate::CallSites); `None` if it is unknown.
/// The run must have been one of the same program.
pub fn address_of(frame: u32) -> Option<usize> {
    fiber::address_of(frame)
}

/// Returns the kind of context switch in this process: `user-space`, or `futex` where that is unavailable.
pub fn context_switch() -> &'static str {
    match fiber::mode() {
        fiber::Mode::UserSpace => "user-space",
        fiber::Mode::Futex => "futex",
    }
}
