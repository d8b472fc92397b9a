//! Timer descriptors: a deadline in a node's own time that can be waited for as a descriptor is.
//! They fire once and are wound up again when they are read, as Linux does, so that a short interval costs nothing.

use crate::event::{NodeId, Seq, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;
use crate::kernel::process::fd::description::{DescriptionId, Kind};
use crate::kernel::process::fd::poll::IN;
use crate::kernel::sched::clock::{Clock, Deadline};
use crate::kernel::sched::thread::ThreadId;

/// A timerfd.
pub(crate) struct Timer {
    clock: Clock,
    /// When it fires next; never if it is not wound up.
    next: Deadline,
    interval_ns: u64,
    fired: bool,
    /// It ends with an error when its clock is set.
    cancels: bool,
    cancelled: bool,
    /// Which winding up a deadline in the queue belongs to.
    winding: u32,
}

/// What a timer is wound up to.
#[derive(Clone, Copy, Default)]
pub(crate) struct Winding {
    /// Nanoseconds until it fires, or what the clock shows then; 0 for not at all.
    pub(crate) first_ns: u64,
    /// Nanoseconds between two firings; 0 for once.
    pub(crate) interval_ns: u64,
    /// Whether `first_ns` is a reading of the clock.
    pub(crate) absolute: bool,
    /// Whether a step of the clock ends the wait.
    pub(crate) cancels: bool,
}

impl Timer {
    pub(crate) fn new(clock: Clock) -> Self {
        let next = Deadline::NEVER;
        Self { clock, next, interval_ns: 0, fired: false, cancels: false, cancelled: false, winding: 0 }
    }

    pub(crate) fn readiness(&self) -> u32 {
        if self.fired || self.cancelled { IN } else { 0 }
    }
}

impl Kernel {
    fn timer(&mut self, id: DescriptionId) -> Result<&mut Timer, Errno> {
        match &mut self.process.descriptions.get_mut(id).ok_or(libc::EBADF)?.kind {
            Kind::Timer(timer) => Ok(timer),
            _ => Err(libc::EINVAL),
        }
    }

    /// `timerfd_settime`: winds a timer up; returns what it was wound up to.
    pub(crate) fn timer_set(&mut self, me: ThreadId, id: DescriptionId, to: Winding) -> Result<Winding, Errno> {
        let before = self.timer_get(me, id)?;
        let clock = self.timer(id)?.clock;
        // A relative deadline on the wall clock is not moved by steps, so it is kept on the other one.
        let next = match (to.first_ns, to.absolute) {
            (0, _) => Deadline::NEVER,
            (ns, true) => Deadline::at(clock, i64::try_from(ns).unwrap_or(i64::MAX)),
            (ns, false) => self.deadline_in(me, ns),
        };
        let timer = self.timer(id)?;
        timer.next = next;
        timer.interval_ns = to.interval_ns;
        timer.fired = false;
        timer.cancelled = false;
        timer.cancels = to.cancels && to.absolute && clock == Clock::Realtime;
        self.timer_arm(id);
        Ok(before)
    }

    /// `timerfd_gettime`: how long until it fires.
    pub(crate) fn timer_get(&mut self, me: ThreadId, id: DescriptionId) -> Result<Winding, Errno> {
        let Timer { next, interval_ns, fired, .. } = *self.timer(id)?;
        let now = self.shown_ns(me, next.clock, self.sched.now_ns);
        let first_ns = match next {
            Deadline::NEVER => 0,
            _ if fired && interval_ns > 0 => interval_ns - (now - next.shown_ns).max(0) as u64 % interval_ns,
            _ if fired => 0,
            next => (next.shown_ns - now).max(1) as u64,
        };
        Ok(Winding { first_ns, interval_ns, ..Winding::default() })
    }

    /// One step of reading a timer: how often it has fired since it was read last.
    pub(crate) fn timer_read(&mut self, me: ThreadId, id: DescriptionId) -> Result<u64, Errno> {
        let timer = self.timer(id)?;
        if std::mem::take(&mut timer.cancelled) {
            return Err(libc::ECANCELED);
        }
        if !std::mem::take(&mut timer.fired) {
            return Err(libc::EAGAIN);
        }
        let (next, interval) = (timer.next, timer.interval_ns);
        if interval == 0 {
            self.timer(id)?.next = Deadline::NEVER;
            return Ok(1);
        }
        let now = self.shown_ns(me, next.clock, self.sched.now_ns);
        let times = 1 + (now - next.shown_ns).max(0) as u64 / interval;
        self.timer(id)?.next.shown_ns = next.shown_ns.saturating_add_unsigned(times.saturating_mul(interval));
        self.timer_arm(id);
        Ok(times)
    }

    fn timer_arm(&mut self, id: DescriptionId) {
        let Some(node) = self.process.descriptions.get(id).map(|it| it.node) else { return };
        let Ok(timer) = self.timer(id) else { return };
        let next = timer.next;
        self.process.timer_windings += 1;
        let winding = self.process.timer_windings;
        if let Ok(timer) = self.timer(id) {
            timer.winding = winding;
        }
        let sim_ns = self.node_deadline(node, next);
        if sim_ns < u64::MAX {
            self.sched.deadlines.at(sim_ns.max(self.sched.now_ns), Due::Timer(id, winding));
        }
    }

    /// A timer's deadline falls due.
    pub(crate) fn timer_due(&mut self, id: DescriptionId, winding: u32) {
        let Some(node) = self.process.descriptions.get(id).map(|it| it.node) else { return };
        let Ok(timer) = self.timer(id) else { return };
        if timer.winding != winding || timer.fired {
            return;
        }
        timer.fired = true;
        let seq = self.emit_at(node, Seq::NONE, What::TimerFired);
        self.notify(id, IN, seq);
    }

    /// A node's clocks changed: what is wound up falls due at another time of the room.
    pub(crate) fn timers_see_change(&mut self, node: NodeId) {
        for id in self.timers_of(node) {
            if self.timer(id).is_ok_and(|timer| !timer.fired && timer.next != Deadline::NEVER) {
                self.timer_arm(id);
            }
        }
    }

    /// A node's wall clock was set.
    pub(crate) fn timers_see_step(&mut self, node: NodeId) {
        for id in self.timers_of(node) {
            if let Ok(timer) = self.timer(id)
                && timer.cancels
                && timer.next != Deadline::NEVER
            {
                timer.cancelled = true;
                self.notify(id, IN, Seq::NONE);
            }
        }
    }

    fn timers_of(&self, node: NodeId) -> Vec<DescriptionId> {
        let timer =
            |id: &DescriptionId| matches!(self.process.descriptions.get(*id).map(|it| &it.kind), Some(Kind::Timer(_)));
        let Some(node) = self.process.node(node) else { return Vec::new() };
        let mut timers: Vec<_> = node.descriptors.iter().map(|(_, id, _)| id).filter(timer).collect();
        timers.sort_unstable();
        timers.dedup();
        timers
    }
}
