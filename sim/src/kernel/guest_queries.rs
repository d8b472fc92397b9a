//! The kernel's queries of the run's guest engine. In a native run each costs one comparison.

use crate::event::{Death, NodeId, Seq};
use crate::kernel::dispatch::Kernel;
use crate::kernel::guest::Hooks;
use crate::kernel::sched::thread::ThreadId;

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
        let thread = &self.sched[me];
        guest.hosts(thread.node()) && {
            let node = &self.process[thread.node()];
            !node.is_up() || node.incarnation() != thread.incarnation()
        }
    }

    /// Notifies the guest engine that the state of some node's process has changed.
    pub(crate) fn guests_changed(&mut self) {
        if let Some(guest) = &mut self.guest {
            guest.node_changed();
        }
    }

    /// Postpones the end of a guest's process if its engine cannot end it now. Returns whether the end is postponed.
    pub(crate) fn postpones_end(&mut self, node: NodeId, how: Death, cause: Seq) -> bool {
        self.guest.as_mut().is_some_and(|guest| guest.postpones_end(node, how, cause))
    }

    /// Hands the threads of a dead process to its guest engine. Returns whether the engine takes them.
    pub(crate) fn leaves_threads(&mut self, node: NodeId) -> bool {
        let Some(guest) = &mut self.guest else { return false };
        let threads = self.process[node].threads().to_vec();
        if !guest.takes_threads(node, &threads) {
            return false;
        }
        if guest.holds_dead_threads() {
            for thread in threads {
                self.sched.hold(thread);
                self.sched.require_switch_of(thread);
            }
        }
        true
    }

    /// Returns whether this thread waits while a device works.
    #[inline]
    pub(crate) fn waits_for_devices(&self, me: ThreadId) -> bool {
        self.guest.as_ref().is_none_or(|guest| guest.waits_for_devices(me, self.sched[me].node()))
    }

    /// The hooks of the run's guest engine.
    #[inline]
    pub(crate) fn guest_hooks(&self) -> Option<&'static Hooks> {
        self.guest.as_ref().map(|guest| guest.hooks())
    }
}
