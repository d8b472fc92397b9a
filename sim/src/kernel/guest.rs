//! The guest engine of a run: another simulator that runs all nodes' programs on one thread. Files, lifecycles, events and their
//! observer stay the kernel's.
//! A native run has no guest engine.

use crate::event::{Death, NodeId, Seq};
use crate::kernel::sched::thread::ThreadId;
use std::any::Any;

/// A guest engine, as the kernel and the interposed functions see it.
pub(crate) trait Guest: Any {
    /// Returns whether the engine runs this node's programs.
    fn hosts(&self, node: NodeId) -> bool;

    /// Returns whether the programs of all nodes run on this thread.
    fn is_shared(&self, thread: ThreadId) -> bool;

    /// Records that the state of some node's process has changed.
    fn node_changed(&mut self);

    /// Records that a node's process was asked to stop.
    fn stop_requested(&mut self, _node: NodeId) {
        self.node_changed();
    }

    /// Postpones the end of a process while some program runs, since the program's frames cannot be abandoned. Returns whether the
    /// end is postponed.
    fn postpones_end(&mut self, node: NodeId, how: Death, cause: Seq) -> bool;

    /// Takes over the threads of a dead process, whose runtime joins them. Returns `false` if the kernel must end them.
    fn takes_threads(&mut self, node: NodeId, threads: &[ThreadId]) -> bool;

    /// Returns whether threads that the engine took over are held until it tears their process down.
    fn holds_dead_threads(&self) -> bool {
        false
    }

    /// Returns whether a thread of this node waits while a device works.
    fn waits_for_devices(&self, _thread: ThreadId, _node: NodeId) -> bool {
        true
    }

    /// The functions of the engine that interposed functions call.
    fn hooks(&self) -> &'static Hooks;
}

/// Calls into the engine's own runtime. They run outside the kernel.
pub(crate) struct Hooks {
    /// The time of the program that is running, in nanoseconds since the run began; `None` between programs.
    pub(crate) clock: fn() -> Option<u64>,
    /// A thread has waited since this time.
    pub(crate) waited: fn(ThreadId, u64),
    /// A thread has reported a probe event.
    pub(crate) reported: fn(ThreadId),
    /// The subject of `exit_refusal`.
    pub(crate) exit_subject: &'static str,
    /// The reason why a program cannot exit on the guest thread, and the alternative.
    pub(crate) exit_refusal: &'static str,
}
