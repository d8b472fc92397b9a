//! epoll: `epoll_ctl`, `epoll_wait`, and an instance as a descriptor.
//! Instances learn of readiness in `notify`.

use super::epoll_instance::{EDGE, Epoll, Interest, ONE_SHOT, Watch};
use super::file_description::FileDescription;
use super::id::DescriptionId;
use super::readiness::{ERR, HUP, IN};
use crate::event::Seq;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::sched::thread::{ThreadId, Wait};

impl FileDescription for Epoll {
    #[inline]
    fn readiness(&self, _kernel: &Kernel) -> u32 {
        if self.is_ready() { IN } else { 0 }
    }
}

impl Kernel {
    /// `epoll_ctl`.
    pub(crate) fn epoll_control(
        &mut self,
        epoll_id: DescriptionId,
        operation: i32,
        fd: i32,
        id: DescriptionId,
        events: u32,
        data: u64,
    ) -> Result<(), Errno> {
        if self.process.description(id).is_some_and(|description| !description.kind().can_be_watched()) {
            return Err(libc::EPERM);
        }
        if id == epoll_id {
            return Err(libc::EINVAL);
        }
        let watches = self.process.description(id).ok_or(libc::EBADF)?.watches().to_vec();
        let epoll = self.process.epoll(epoll_id).ok_or(libc::EINVAL)?;
        let known = watches
            .iter()
            .filter(|watch| watch.epoll == epoll_id)
            .map(|watch| watch.slot)
            .find(|slot| epoll.interest(*slot).is_some_and(|interest| interest.fd == fd));
        let slot = match (operation, known) {
            (libc::EPOLL_CTL_ADD, Some(_)) => return Err(libc::EEXIST),
            (libc::EPOLL_CTL_ADD, None) => {
                let slot = epoll.add(Interest { description: id, fd, events, data, queued: false, cause: Seq::NONE });
                let watch = Watch { epoll: epoll_id, slot };
                self.process.description_mut(id).ok_or(libc::EBADF)?.add_watch(watch);
                slot
            }
            (libc::EPOLL_CTL_MOD, Some(slot)) => {
                if let Some(interest) = epoll.interest(slot) {
                    interest.events = events;
                    interest.data = data;
                }
                slot
            }
            (libc::EPOLL_CTL_DEL, Some(slot)) => {
                epoll.remove(slot);
                let removed = Watch { epoll: epoll_id, slot };
                if let Some(description) = self.process.description_mut(id) {
                    description.retain_watches(|watch| *watch != removed);
                }
                return Ok(());
            }
            (libc::EPOLL_CTL_MOD | libc::EPOLL_CTL_DEL, None) => return Err(libc::ENOENT),
            _ => return Err(libc::EINVAL),
        };
        let now = self.readiness(id);
        self.offer(Watch { epoll: epoll_id, slot }, now, Seq::NONE);
        Ok(())
    }

    /// Takes one ready interest: one at a time, so that all that follows has a single cause.
    fn epoll_take(&mut self, epoll_id: DescriptionId, me: ThreadId) -> Option<(u32, u64)> {
        loop {
            let epoll = self.process.epoll(epoll_id)?;
            let slot = epoll.take_ready()?;
            let Some(interest) = epoll.interest(slot) else { continue };
            interest.queued = false;
            let (id, events, data, cause) = (interest.description, interest.events, interest.data, interest.cause);
            let now = self.readiness(id) & (events | ERR | HUP);
            if now == 0 {
                continue;
            }
            // An edge is reported once. A level stays queued, and a one-shot interest is disarmed.
            if events & (EDGE | ONE_SHOT) != EDGE
                && let Some(epoll) = self.process.epoll(epoll_id)
                && let Some(interest) = epoll.interest(slot)
            {
                if events & ONE_SHOT != 0 {
                    interest.events = events & (EDGE | ONE_SHOT);
                } else {
                    interest.queued = true;
                    epoll.queue(slot);
                }
            }
            let thread = &mut self.sched[me];
            thread.poll_mut().asked(false);
            thread.caused_by(cause);
            self.sched.forget_clock_reading();
            return Some((now, data));
        }
    }

    /// One attempt at `epoll_wait`; `waited` is set on all but the first of a call.
    #[inline]
    pub(crate) fn epoll_wait(
        &mut self,
        epoll_id: DescriptionId,
        me: ThreadId,
        until_ns: u64,
        waited: bool,
    ) -> Result<Blocking<Option<(u32, u64)>>, Errno> {
        let now_ns = self.sched.now_ns();
        let epoll = self.process.epoll(epoll_id).ok_or(libc::EINVAL)?;
        if waited {
            epoll.wake(me);
        }
        if epoll.is_ready()
            && let Some(ready) = self.epoll_take(epoll_id, me)
        {
            return Ok(Blocking::Done(Some(ready)));
        }
        if until_ns <= now_ns {
            if !waited {
                self.count_fruitless(me);
            }
            let thread = &mut self.sched[me];
            thread.poll_mut().asked(true);
            return Ok(Blocking::Done(None));
        }
        let epoll = self.process.epoll(epoll_id).ok_or(libc::EINVAL)?;
        epoll.sleep(me);
        Ok(Blocking::Wait(Wait::Ready, until_ns))
    }

    /// Ends the wait of a thread in this instance for another reason, such as a signal.
    #[cold]
    pub(crate) fn epoll_leave(&mut self, epoll_id: DescriptionId, me: ThreadId) {
        if let Some(epoll) = self.process.epoll(epoll_id) {
            epoll.wake(me);
        }
    }

    /// Removes a description from the instances that watch it, and an instance from its descriptions.
    pub(super) fn unwatch(&mut self, id: DescriptionId) {
        let Some(description) = self.process.description_mut(id) else { return };
        for watch in description.take_watches() {
            if let Some(epoll) = self.process.epoll(watch.epoll) {
                epoll.remove(watch.slot);
            }
        }
        if let Some(epoll) = self.process.epoll(id) {
            for interest in epoll.take_interests().into_iter().flatten() {
                if let Some(watched) = self.process.description_mut(interest.description) {
                    watched.retain_watches(|watch| watch.epoll != id);
                }
            }
        }
    }
}
