//! Readiness: epoll instances, and who is told when a description becomes readable or writable.
//! It moves no bytes.

use crate::event::Seq;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Turn;
use crate::kernel::process::fd::description::{DescriptionId, Kind};
use crate::kernel::sched::thread::{NOBODY, ThreadId};
use crate::kernel::{Errno, sched::thread::Wait};
use std::collections::VecDeque;

/// `EPOLLIN` and the others, as bits.
pub(crate) const IN: u32 = libc::EPOLLIN as u32;
pub(crate) const OUT: u32 = libc::EPOLLOUT as u32;
pub(crate) const ERR: u32 = libc::EPOLLERR as u32;
pub(crate) const HUP: u32 = libc::EPOLLHUP as u32;
pub(crate) const RDHUP: u32 = libc::EPOLLRDHUP as u32;
const EDGE: u32 = libc::EPOLLET as u32;
const ONCE: u32 = libc::EPOLLONESHOT as u32;

/// A place in an epoll instance's list that a description reports to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watch {
    epoll: DescriptionId,
    slot: u32,
}

struct Interest {
    description: DescriptionId,
    fd: i32,
    events: u32,
    data: u64,
    queued: bool,
    cause: Seq,
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
    fn drop_interest(&mut self, slot: u32) {
        self.interests[slot as usize] = None;
        self.ready.retain(|ready| *ready != slot);
        self.free.push(slot);
    }
}

impl Kernel {
    /// What a description is ready for now, as epoll bits.
    pub(crate) fn readiness(&self, id: DescriptionId) -> u32 {
        let Some(description) = self.process.descriptions.get(id) else { return 0 };
        match &description.kind {
            Kind::Tcp(socket) => self.net.tcp_readiness(socket),
            Kind::Udp(socket) => socket.readiness(),
            Kind::Event(event) => (if event.counter > 0 { IN } else { 0 }) | OUT,
            Kind::Pipe(end) => self.net.pipes.readiness(end),
            Kind::Timer(timer) => timer.readiness(),
            Kind::Unix(socket) => self.unix_readiness(socket),
            Kind::File(_) => IN | OUT,
            Kind::Inert => 0,
            Kind::Epoll(epoll) => {
                if epoll.ready.is_empty() {
                    0
                } else {
                    IN
                }
            }
        }
    }

    /// Tells everybody who watches a description that `what` may now be possible, because of `cause`.
    #[inline]
    pub(crate) fn notify(&mut self, id: DescriptionId, what: u32, cause: Seq) {
        let Some(description) = self.process.descriptions.get(id) else { return };
        // An event descriptor is what a process wakes itself with.
        let arrives = u64::from(!matches!(description.kind, Kind::Event(_)));
        self.process.nodes[description.node].activity.arrived(arrives);
        match (&description.watches[..], description.waiters.is_empty()) {
            ([], true) => {}
            ([watch], true) => {
                let watch = *watch;
                self.offer(watch, what, cause);
            }
            _ => self.notify_many(id, what, cause),
        }
    }

    fn notify_many(&mut self, id: DescriptionId, what: u32, cause: Seq) {
        let Some(description) = self.process.descriptions.get_mut(id) else { return };
        let waiters = std::mem::take(&mut description.waiters);
        let watches = description.watches.len();
        for thread in waiters {
            if self.sched.threads[thread].state == crate::kernel::sched::thread::State::Waiting(Wait::Ready) {
                self.sched.threads.wake(thread, cause, &self.sched.choices);
            }
        }
        for index in 0..watches {
            let Some(watch) = self.process.descriptions.get(id).and_then(|it| it.watches.get(index)).copied() else {
                return;
            };
            self.offer(watch, what, cause);
        }
    }

    fn offer(&mut self, watch: Watch, what: u32, cause: Seq) {
        let Some(description) = self.process.descriptions.get_mut(watch.epoll) else { return };
        let watched = !description.watches.is_empty() || !description.waiters.is_empty();
        let Kind::Epoll(epoll) = &mut description.kind else { return };
        let Some(Some(interest)) = epoll.interests.get_mut(watch.slot as usize) else { return };
        if what & (interest.events | ERR | HUP) == 0 || interest.events & !(EDGE | ONCE) == 0 {
            return;
        }
        if interest.queued {
            return;
        }
        interest.queued = true;
        interest.cause = cause;
        epoll.ready.push_back(watch.slot);
        if let Some(thread) = epoll.sleepers.pop() {
            self.sched.threads.wake(thread, cause, &self.sched.choices);
        }
        if watched {
            self.notify(watch.epoll, IN, cause);
        }
    }

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
        if matches!(self.process.descriptions.get(id).map(|it| &it.kind), Some(Kind::File(_))) {
            return Err(libc::EPERM);
        }
        let watches = self.process.descriptions.get(id).ok_or(libc::EBADF)?.watches.clone();
        let epoll = self.process.descriptions.epoll(epoll_id).ok_or(libc::EINVAL)?;
        let known = watches
            .iter()
            .filter(|watch| watch.epoll == epoll_id)
            .map(|watch| watch.slot as usize)
            .find(|slot| epoll.interests[*slot].as_ref().is_some_and(|interest| interest.fd == fd));
        let slot = match (operation, known) {
            (libc::EPOLL_CTL_ADD, Some(_)) => return Err(libc::EEXIST),
            (libc::EPOLL_CTL_ADD, None) => {
                let slot = epoll.free.pop().map_or(epoll.interests.len(), |slot| slot as usize);
                if slot == epoll.interests.len() {
                    epoll.interests.push(None);
                }
                let interest = Interest { description: id, fd, events, data, queued: false, cause: Seq::NONE };
                epoll.interests[slot] = Some(interest);
                let watch = Watch { epoll: epoll_id, slot: slot as u32 };
                self.process.descriptions.get_mut(id).ok_or(libc::EBADF)?.watches.push(watch);
                slot
            }
            (libc::EPOLL_CTL_MOD, Some(slot)) => {
                if let Some(interest) = &mut epoll.interests[slot] {
                    interest.events = events;
                    interest.data = data;
                }
                slot
            }
            (libc::EPOLL_CTL_DEL, Some(slot)) => {
                epoll.drop_interest(slot as u32);
                let watch = Watch { epoll: epoll_id, slot: slot as u32 };
                if let Some(description) = self.process.descriptions.get_mut(id) {
                    description.watches.retain(|it| *it != watch);
                }
                return Ok(());
            }
            (libc::EPOLL_CTL_MOD | libc::EPOLL_CTL_DEL, None) => return Err(libc::ENOENT),
            _ => return Err(libc::EINVAL),
        };
        let now = self.readiness(id);
        self.offer(Watch { epoll: epoll_id, slot: slot as u32 }, now, Seq::NONE);
        Ok(())
    }

    /// Takes one readiness of an epoll instance, if there is any: one at a time, so that what follows has one cause.
    fn epoll_take(&mut self, epoll_id: DescriptionId, me: ThreadId) -> Option<(u32, u64)> {
        loop {
            let epoll = self.process.descriptions.epoll(epoll_id)?;
            let slot = epoll.ready.pop_front()?;
            let Some(Some(interest)) = epoll.interests.get_mut(slot as usize) else { continue };
            interest.queued = false;
            let (id, events, data, cause) = (interest.description, interest.events, interest.data, interest.cause);
            let now = self.readiness(id) & (events | ERR | HUP);
            if now == 0 {
                continue;
            }
            // What is told of once, at its edge, is done with.
            if events & (EDGE | ONCE) != EDGE
                && let Some(epoll) = self.process.descriptions.epoll(epoll_id)
                && let Some(Some(interest)) = epoll.interests.get_mut(slot as usize)
            {
                if events & ONCE != 0 {
                    interest.events = events & (EDGE | ONCE);
                } else {
                    interest.queued = true;
                    epoll.ready.push_back(slot);
                }
            }
            let thread = &mut self.sched.threads[me];
            (thread.poll.asked_in, thread.poll.found_nothing) = (thread.poll.polling, false);
            if cause != Seq::NONE {
                thread.cause = cause;
            }
            self.sched.clock_read_by = NOBODY;
            return Some((now, data));
        }
    }

    /// One step of `epoll_wait`; `waited` says that it is not the call's first.
    #[inline]
    pub(crate) fn epoll_wait(
        &mut self,
        epoll_id: DescriptionId,
        me: ThreadId,
        until_ns: u64,
        waited: bool,
    ) -> Result<Turn<Option<(u32, u64)>>, Errno> {
        let now_ns = self.sched.now_ns;
        let epoll = self.process.descriptions.epoll(epoll_id).ok_or(libc::EINVAL)?;
        if waited && !epoll.sleepers.is_empty() {
            epoll.sleepers.retain(|sleeper| *sleeper != me);
        }
        if !epoll.ready.is_empty()
            && let Some(ready) = self.epoll_take(epoll_id, me)
        {
            return Ok(Turn::Done(Some(ready)));
        }
        if until_ns <= now_ns {
            if !waited {
                self.came_to_nothing(me);
            }
            let thread = &mut self.sched.threads[me];
            (thread.poll.asked_in, thread.poll.found_nothing) = (thread.poll.polling, true);
            return Ok(Turn::Done(None));
        }
        // Nobody sleeps here twice: it was taken out above.
        let epoll = self.process.descriptions.epoll(epoll_id).ok_or(libc::EINVAL)?;
        epoll.sleepers.push(me);
        Ok(Turn::Wait(Wait::Ready, until_ns))
    }

    /// The thread does not wait in this instance any more, though nothing woke it there.
    #[cold]
    pub(crate) fn epoll_leave(&mut self, epoll_id: DescriptionId, me: ThreadId) {
        if let Some(epoll) = self.process.descriptions.epoll(epoll_id) {
            epoll.sleepers.retain(|sleeper| *sleeper != me);
        }
    }

    /// Takes a description that is going away out of the instances that watch it, and an instance out of its descriptions.
    pub(crate) fn unwatch(&mut self, id: DescriptionId) {
        let Some(description) = self.process.descriptions.get_mut(id) else { return };
        for watch in std::mem::take(&mut description.watches) {
            if let Some(epoll) = self.process.descriptions.epoll(watch.epoll) {
                epoll.drop_interest(watch.slot);
            }
        }
        if let Some(epoll) = self.process.descriptions.epoll(id) {
            for interest in std::mem::take(&mut epoll.interests).into_iter().flatten() {
                if let Some(watched) = self.process.descriptions.get_mut(interest.description) {
                    watched.watches.retain(|watch| watch.epoll != id);
                }
            }
        }
    }
}
