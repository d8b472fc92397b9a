//! timerfd: timers as descriptors.

use super::file_description::{Attempt, FileDescription};
use super::id::DescriptionId;
use super::kind::Kind;
use super::readiness::IN;
use super::timer::{Setting, Timer};
use crate::event::{Leak, NodeId, Seq, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::{Blocking, Due};
use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::thread::ThreadId;
use crate::kernel::sink::Sink;

impl FileDescription for Timer {
    fn read(kernel: &mut Kernel, attempt: &mut Attempt<'_>, into: &mut impl Sink) -> Result<Blocking<usize>, Errno> {
        let len = into.len();
        let outcome = if len < 8 {
            Err(libc::EINVAL)
        } else {
            kernel.timer_read(attempt.me(), attempt.id()).map(|times| {
                into.put(0, &times.to_ne_bytes());
                8
            })
        };
        attempt.finish_read(kernel, len, outcome, u64::MAX)
    }

    fn readiness(&self, _kernel: &Kernel) -> u32 {
        Timer::readiness(self)
    }

    fn leak(&self, _kernel: &Kernel, _node: NodeId) -> Option<(Leak, String)> {
        Some((Leak::Timer, String::new()))
    }
}

impl Kernel {
    fn timer(&mut self, id: DescriptionId) -> Result<&mut Timer, Errno> {
        self.process.description(id).ok_or(libc::EBADF)?;
        self.process.timer(id).ok_or(libc::EINVAL)
    }

    /// `timerfd_settime`. Returns the setting before.
    pub(crate) fn timer_set(&mut self, me: ThreadId, id: DescriptionId, setting: Setting) -> Result<Setting, Errno> {
        let before = self.timer_get(me, id)?;
        let clock = self.timer(id)?.clock();
        // Steps of the wall clock do not move a relative deadline, so it is kept on the monotonic clock.
        let next = match (setting.first_ns, setting.absolute) {
            (0, _) => Deadline::NEVER,
            (ns, true) => Deadline::at(clock, i64::try_from(ns).unwrap_or(i64::MAX)),
            (ns, false) => self.deadline_in(me, ns),
        };
        self.timer(id)?.set(next, setting);
        self.timer_arm(id);
        Ok(before)
    }

    /// `timerfd_gettime`.
    pub(crate) fn timer_get(&mut self, me: ThreadId, id: DescriptionId) -> Result<Setting, Errno> {
        let clock = self.timer(id)?.next().clock;
        let now_ns = self.shown_ns(me, clock, self.sched.now_ns());
        Ok(self.timer(id)?.setting(now_ns))
    }

    /// One attempt at reading a timer: the number of times that it has fired since the last read.
    fn timer_read(&mut self, me: ThreadId, id: DescriptionId) -> Result<u64, Errno> {
        let timer = self.timer(id)?;
        timer.take_fired()?;
        let clock = timer.next().clock;
        let now_ns = self.shown_ns(me, clock, self.sched.now_ns());
        let (times, again) = self.timer(id)?.advance(now_ns);
        if again {
            self.timer_arm(id);
        }
        Ok(times)
    }

    fn timer_arm(&mut self, id: DescriptionId) {
        let Some(node) = self.process.description(id).map(|description| description.node()) else { return };
        let Ok(timer) = self.timer(id) else { return };
        let next = timer.next();
        let winding = self.process.next_timer_winding();
        if let Ok(timer) = self.timer(id) {
            timer.wind(winding);
        }
        let due_ns = self.node_deadline(node, next);
        if due_ns < u64::MAX {
            self.sched.set_deadline(due_ns.max(self.sched.now_ns()), Due::Timer(id, winding));
        }
    }

    /// A timer's deadline falls due.
    pub(crate) fn timer_due(&mut self, id: DescriptionId, winding: u32) {
        let Some(node) = self.process.description(id).map(|description| description.node()) else { return };
        if self.timer(id).is_ok_and(|timer| timer.fire(winding)) {
            let seq = self.emit_at(node, Seq::NONE, What::TimerFired);
            self.notify(id, IN, seq);
        }
    }

    /// Moves the pending deadlines of a node whose clocks changed.
    pub(crate) fn timers_see_change(&mut self, node: NodeId) {
        for id in self.timers_of(node) {
            if self.timer(id).is_ok_and(|timer| timer.is_pending()) {
                self.timer_arm(id);
            }
        }
    }

    /// Cancels timers of a node whose wall clock was set.
    pub(crate) fn timers_see_step(&mut self, node: NodeId) {
        for id in self.timers_of(node) {
            if self.timer(id).is_ok_and(Timer::cancel) {
                self.notify(id, IN, Seq::NONE);
            }
        }
    }

    fn timers_of(&self, node: NodeId) -> Vec<DescriptionId> {
        let Some(node) = self.process.node(node) else { return Vec::new() };
        let is_timer = |id: &DescriptionId| {
            self.process.description(*id).is_some_and(|description| matches!(description.kind(), Kind::Timer(_)))
        };
        let mut timers: Vec<_> = node.descriptors().iter().map(|(_, id, _)| id).filter(is_timer).collect();
        timers.sort_unstable();
        timers.dedup();
        timers
    }
}
