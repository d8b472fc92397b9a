//! An epoll instance: the descriptions that it watches, those that are ready, the threads that wait.
//! It calls nobody: `epoll` and `notify` do.

use super::id::DescriptionId;
use crate::event::Seq;
use crate::kernel::sched::thread::ThreadId;
use std::collections::VecDeque;

pub(super) const EDGE: u32 = libc::EPOLLET as u32;
pub(super) const ONE_SHOT: u32 = libc::EPOLLONESHOT as u32;

/// An epoll instance that watches a description, and the slot of the interest there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watch {
    pub(super) epoll: DescriptionId,
    pub(super) slot: u32,
}

/// A description that an instance watches.
pub(super) struct Interest {
    pub(super) description: DescriptionId,
    pub(super) fd: i32,
    pub(super) events: u32,
    pub(super) data: u64,
    /// It is in the queue of ready interests.
    pub(super) queued: bool,
    /// The event that made it ready.
    pub(super) cause: Seq,
}

/// An epoll instance.
#[derive(Default)]
pub(crate) struct Epoll {
    interests: Vec<Option<Interest>>,
    free: Vec<u32>,
    ready: VecDeque<u32>,
    sleepers: Vec<ThreadId>,
}

impl Epoll {
    #[inline]
    pub(super) fn interest(&mut self, slot: u32) -> Option<&mut Interest> {
        self.interests.get_mut(slot as usize)?.as_mut()
    }

    /// Adds an interest. Returns its slot.
    pub(super) fn add(&mut self, interest: Interest) -> u32 {
        let slot = self.free.pop().unwrap_or(self.interests.len() as u32);
        if slot as usize == self.interests.len() {
            self.interests.push(None);
        }
        self.interests[slot as usize] = Some(interest);
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) {
        self.interests[slot as usize] = None;
        self.ready.retain(|ready| *ready != slot);
        self.free.push(slot);
    }

    /// Removes every interest.
    pub(super) fn take_interests(&mut self) -> Vec<Option<Interest>> {
        std::mem::take(&mut self.interests)
    }

    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    #[inline]
    pub(super) fn queue(&mut self, slot: u32) {
        self.ready.push_back(slot);
    }

    #[inline]
    pub(super) fn take_ready(&mut self) -> Option<u32> {
        self.ready.pop_front()
    }

    /// Adds a thread that waits. It must not be among them already.
    #[inline]
    pub(super) fn sleep(&mut self, thread: ThreadId) {
        self.sleepers.push(thread);
    }

    /// Takes the thread that began to wait last.
    #[inline]
    pub(super) fn take_sleeper(&mut self) -> Option<ThreadId> {
        self.sleepers.pop()
    }

    /// Returns whether a thread waits in this instance.
    pub(crate) fn has_sleeper(&self, thread: ThreadId) -> bool {
        self.sleepers.contains(&thread)
    }

    #[inline]
    pub(super) fn wake(&mut self, thread: ThreadId) {
        if !self.sleepers.is_empty() {
            self.sleepers.retain(|sleeper| *sleeper != thread);
        }
    }
}
