//! The guest engine of a run: another simulator that runs all nodes' programs on one thread, while files, lifecycles, events and
//! their observer stay the kernel's.
//! It runs nothing itself. A native run has no guest engine, and each question below then costs one comparison.

use crate::event::{Death, NodeId, Seq};
use crate::kernel::dispatch::Kernel;
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

    /// Postpones the end of a process while some program runs, since its frames cannot be abandoned half-way. Returns whether it
    /// does.
    fn postpones_end(&mut self, node: NodeId, how: Death, cause: Seq) -> bool;

    /// Takes over the threads of a dead process, whose runtime joins them. Returns `false` if the kernel is to end them.
    fn takes_threads(&mut self, node: NodeId, threads: &[ThreadId]) -> bool;

    /// Returns whether threads that the engine took over are held until it tears their process down.
    fn holds_dead_threads(&self) -> bool {
        false
    }

    /// Returns whether a thread of this node waits while a device works.
    fn waits_for_devices(&self, _thread: ThreadId, _node: NodeId) -> bool {
        true
    }

    /// The functions that interposed functions call.
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
    /// The subject of that reason.
    pub(crate) exit_subject: &'static str,
    /// The reason why a program cannot exit on the shared thread, and the alternative.
    pub(crate) exit_refusal: &'static str,
}

impl Kernel {
    /// Returns whether a guest engine runs this node's programs.
    #[inline]
    pub(crate) fn is_guest(&self, node: NodeId) -> bool {
        self.guest.as_ref().is_some_and(|guest| guest.hosts(node))
    }

    /// Returns whether a guest engine runs all programs on this thread.
    #[inline]
    pub(crate) fn is_guest_thread(&self, me: ThreadId) -> bool {
        self.guest.as_ref().is_some_and(|guest| guest.is_shared(me))
    }

    /// Returns whether the events of this thread are dropped: its process is dead, and its engine has yet to tear it down.
    #[inline]
    pub(crate) fn is_muted(&self, me: ThreadId) -> bool {
        let Some(guest) = &self.guest else { return false };
        let thread = &self.sched.threads[me];
        guest.hosts(thread.node) && {
            let node = &self.process[thread.node];
            !node.is_up() || node.incarnation() != thread.incarnation
        }
    }

    /// Tells the guest engine that the state of some node's process has changed.
    pub(crate) fn guests_changed(&mut self) {
        if let Some(guest) = &mut self.guest {
            guest.node_changed();
        }
    }

    /// Postpones the end of a guest's process if its engine cannot end it now. Returns whether it does.
    pub(crate) fn postpones_end(&mut self, node: NodeId, how: Death, cause: Seq) -> bool {
        self.guest.as_mut().is_some_and(|guest| guest.postpones_end(node, how, cause))
    }

    /// Leaves the threads of a dead process to its guest engine. Returns whether the engine takes them.
    pub(crate) fn leaves_threads(&mut self, node: NodeId) -> bool {
        let Some(guest) = &mut self.guest else { return false };
        let threads = self.process[node].threads.clone();
        if !guest.takes_threads(node, &threads) {
            return false;
        }
        if guest.holds_dead_threads() {
            for thread in threads {
                self.sched.threads.hold(thread);
                self.sched.must_switch |= self.sched.running == Some(thread);
            }
        }
        true
    }

    /// Returns whether this thread waits while a device works.
    #[inline]
    pub(crate) fn waits_for_devices(&self, me: ThreadId) -> bool {
        self.guest.as_ref().is_none_or(|guest| guest.waits_for_devices(me, self.sched.threads[me].node))
    }

    /// The hooks of the run's guest engine.
    #[inline]
    pub(crate) fn guest_hooks(&self) -> Option<&'static Hooks> {
        self.guest.as_ref().map(|guest| guest.hooks())
    }
}
