//! Notification of threads and epoll instances when a description may have become ready.

use super::epoll_instance::{EDGE, ONE_SHOT, Watch};
use super::id::DescriptionId;
use super::readiness::{ERR, HUP, IN};
use crate::event::Seq;
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::thread::{State, ThreadId, Wait};

impl Kernel {
    /// Registers a thread that waits for a change of this description.
    pub(crate) fn wait_for_change(&mut self, id: DescriptionId, me: ThreadId) {
        if let Some(description) = self.process.description_mut(id) {
            description.add_waiter(me);
        }
    }

    /// Notifies all watchers of a description that it may be ready for this, because of `cause`.
    #[inline]
    pub(crate) fn notify(&mut self, id: DescriptionId, ready: u32, cause: Seq) {
        let Some((description, node)) = self.process.description_and_node(id) else { return };
        // A process wakes itself with an eventfd: nothing arrived there from outside.
        let arrivals = u64::from(description.kind().is_external());
        node.activity_mut().arrived(arrivals);
        match (description.watches(), description.has_waiters()) {
            ([], false) => {}
            ([watch], false) => {
                let watch = *watch;
                self.offer(watch, ready, cause);
            }
            _ => self.notify_many(id, ready, cause),
        }
    }

    fn notify_many(&mut self, id: DescriptionId, ready: u32, cause: Seq) {
        let Some(description) = self.process.description_mut(id) else { return };
        let waiters = description.take_waiters();
        let watches = description.watches().len();
        for thread in waiters {
            if self.sched[thread].state() == State::Waiting(Wait::Ready) {
                self.sched.wake(thread, cause);
            }
        }
        for index in 0..watches {
            let description = self.process.description(id);
            let Some(watch) = description.and_then(|description| description.watches().get(index)).copied() else {
                return;
            };
            self.offer(watch, ready, cause);
        }
    }

    /// Queues an interest that asks for one of these bits, and wakes a thread that waits for it.
    pub(super) fn offer(&mut self, watch: Watch, ready: u32, cause: Seq) {
        let Some(description) = self.process.description(watch.epoll) else { return };
        let is_watched = !description.watches().is_empty() || description.has_waiters();
        let Some(epoll) = self.process.epoll(watch.epoll) else { return };
        let Some(interest) = epoll.interest(watch.slot) else { return };
        let disarmed = interest.events & !(EDGE | ONE_SHOT) == 0;
        if ready & (interest.events | ERR | HUP) == 0 || disarmed || interest.queued {
            return;
        }
        interest.queued = true;
        interest.cause = cause;
        epoll.queue(watch.slot);
        if let Some(thread) = epoll.take_sleeper() {
            self.sched.wake(thread, cause);
        }
        if is_watched {
            self.notify(watch.epoll, IN, cause);
        }
    }
}
