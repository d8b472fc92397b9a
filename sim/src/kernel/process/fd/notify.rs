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
        if let Some(description) = self.process.descriptions.get_mut(id)
            && !description.waiters.contains(&me)
        {
            description.waiters.push(me);
        }
    }

    /// Notifies everybody who watches a description that it may be ready for this, because of `cause`.
    #[inline]
    pub(crate) fn notify(&mut self, id: DescriptionId, ready: u32, cause: Seq) {
        let Some(description) = self.process.descriptions.get(id) else { return };
        // A process wakes itself with an eventfd: nothing arrived there from outside.
        let arrivals = u64::from(description.kind.is_external());
        self.process.nodes[description.node].activity.arrived(arrivals);
        match (&description.watches[..], description.waiters.is_empty()) {
            ([], true) => {}
            ([watch], true) => {
                let watch = *watch;
                self.offer(watch, ready, cause);
            }
            _ => self.notify_many(id, ready, cause),
        }
    }

    fn notify_many(&mut self, id: DescriptionId, ready: u32, cause: Seq) {
        let Some(description) = self.process.descriptions.get_mut(id) else { return };
        let waiters = std::mem::take(&mut description.waiters);
        let watches = description.watches.len();
        for thread in waiters {
            if self.sched.threads[thread].state == State::Waiting(Wait::Ready) {
                self.sched.threads.wake(thread, cause, &self.sched.choices);
            }
        }
        for index in 0..watches {
            let description = self.process.descriptions.get(id);
            let Some(watch) = description.and_then(|description| description.watches.get(index)).copied() else {
                return;
            };
            self.offer(watch, ready, cause);
        }
    }

    /// Queues an interest that asks for one of these bits, and wakes a thread that waits for it.
    pub(super) fn offer(&mut self, watch: Watch, ready: u32, cause: Seq) {
        let Some(description) = self.process.descriptions.get(watch.epoll) else { return };
        let is_watched = !description.watches.is_empty() || !description.waiters.is_empty();
        let Some(epoll) = self.process.descriptions.epoll(watch.epoll) else { return };
        let Some(interest) = epoll.interest(watch.slot) else { return };
        let disarmed = interest.events & !(EDGE | ONE_SHOT) == 0;
        if ready & (interest.events | ERR | HUP) == 0 || disarmed || interest.queued {
            return;
        }
        interest.queued = true;
        interest.cause = cause;
        epoll.queue(watch.slot);
        if let Some(thread) = epoll.take_sleeper() {
            self.sched.threads.wake(thread, cause, &self.sched.choices);
        }
        if is_watched {
            self.notify(watch.epoll, IN, cause);
        }
    }
}
