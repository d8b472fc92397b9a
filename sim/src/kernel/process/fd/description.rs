//! Open descriptions, to which the descriptors of all processes refer.
//! It knows the kinds of description, but performs no operation on them.

use super::epoll_instance::Watch;
use super::id::DescriptionId;
use super::kind::Kind;
use super::options::Options;
use crate::event::NodeId;
use crate::kernel::sched::call_site::CallSite;
use crate::kernel::sched::thread::ThreadId;

/// An open description. Descriptors that were duplicated share one.
pub(crate) struct Description {
    node: NodeId,
    /// The number of descriptors.
    references: u32,
    nonblocking: bool,
    kind: Kind,
    /// The options that were set, if it is a socket.
    options: Options,
    /// The epoll instances that watch it.
    watches: Vec<Watch>,
    /// The threads that wait for its readiness to change.
    waiters: Vec<ThreadId>,
}

impl Description {
    /// The node whose process opened it.
    #[inline]
    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    #[inline]
    pub(crate) fn is_nonblocking(&self) -> bool {
        self.nonblocking
    }

    pub(crate) fn set_nonblocking(&mut self, nonblocking: bool) {
        self.nonblocking = nonblocking;
    }

    #[inline]
    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    #[inline]
    pub(crate) fn kind_mut(&mut self) -> &mut Kind {
        &mut self.kind
    }

    /// The options that were set, if it is a socket.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn options_mut(&mut self) -> &mut Options {
        &mut self.options
    }

    /// Turns it into a description of another kind.
    pub(crate) fn set_kind(&mut self, kind: Kind) {
        self.kind = kind;
    }

    pub(super) fn into_kind(self) -> Kind {
        self.kind
    }

    /// Returns whether no descriptor refers to it.
    pub(super) fn is_unreferenced(&self) -> bool {
        self.references == 0
    }

    /// Adds a descriptor.
    pub(crate) fn add_reference(&mut self) {
        self.references += 1;
    }

    /// Drops a descriptor. Returns whether it was the last.
    pub(super) fn drop_reference(&mut self) -> bool {
        self.references = self.references.saturating_sub(1);
        self.references == 0
    }

    /// The epoll instances that watch it.
    #[inline]
    pub(super) fn watches(&self) -> &[Watch] {
        &self.watches
    }

    pub(super) fn add_watch(&mut self, watch: Watch) {
        self.watches.push(watch);
    }

    pub(super) fn retain_watches(&mut self, keep: impl Fn(&Watch) -> bool) {
        self.watches.retain(keep);
    }

    pub(super) fn take_watches(&mut self) -> Vec<Watch> {
        std::mem::take(&mut self.watches)
    }

    /// Returns whether any thread waits for its readiness to change.
    #[inline]
    pub(super) fn has_waiters(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// Adds a thread that waits, unless it is among the waiters already.
    pub(super) fn add_waiter(&mut self, thread: ThreadId) {
        if !self.waiters.contains(&thread) {
            self.waiters.push(thread);
        }
    }

    /// Returns whether this thread waits for its readiness to change.
    pub(crate) fn is_awaited_by(&self, thread: ThreadId) -> bool {
        self.waiters.contains(&thread)
    }

    pub(super) fn take_waiters(&mut self) -> Vec<ThreadId> {
        std::mem::take(&mut self.waiters)
    }
}

/// The call sites that opened and closed a number of a process.
#[derive(Clone, Copy, Default)]
pub(crate) struct Slot {
    pub(crate) opened: CallSite,
    pub(crate) closed: Option<CallSite>,
}

/// The message that a peer gets when a description is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// FIN.
    Finish,
    /// RST.
    Reset,
    /// Silence.
    PowerLoss,
}

/// Every open description of the simulation.
#[derive(Default)]
pub(in crate::kernel::process) struct Descriptions {
    all: Vec<Option<Description>>,
    free: Vec<u32>,
}

impl Descriptions {
    /// Opens a description that no descriptor refers to yet.
    pub(in crate::kernel::process) fn add(&mut self, node: NodeId, nonblocking: bool, kind: Kind) -> DescriptionId {
        let description = Description {
            node,
            references: 0,
            nonblocking,
            kind,
            options: Options::default(),
            watches: Vec::new(),
            waiters: Vec::new(),
        };
        match self.free.pop() {
            Some(index) => {
                self.all[index as usize] = Some(description);
                DescriptionId(index)
            }
            None => {
                self.all.push(Some(description));
                DescriptionId(self.all.len() as u32 - 1)
            }
        }
    }

    pub(in crate::kernel::process) fn remove(&mut self, id: DescriptionId) -> Option<Description> {
        let description = self.all[id.0 as usize].take()?;
        self.free.push(id.0);
        Some(description)
    }

    #[inline]
    pub(in crate::kernel::process) fn get(&self, id: DescriptionId) -> Option<&Description> {
        self.all.get(id.0 as usize)?.as_ref()
    }

    #[inline]
    pub(in crate::kernel::process) fn get_mut(&mut self, id: DescriptionId) -> Option<&mut Description> {
        self.all.get_mut(id.0 as usize)?.as_mut()
    }
}
