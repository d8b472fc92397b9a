//! The state of a timerfd: a deadline in a node's own time.
//! As on Linux, a read computes the number of firings, so that a short interval costs nothing.

use super::readiness::IN;
use crate::kernel::Errno;
use crate::kernel::sched::clock::{Clock, Deadline};

/// A timerfd.
pub(crate) struct Timer {
    clock: Clock,
    /// Its next firing; never while it is disarmed.
    next: Deadline,
    interval_ns: u64,
    fired: bool,
    /// A step of the clock ends the wait with an error.
    cancels: bool,
    cancelled: bool,
    /// The number of the deadline in the queue that is in force.
    winding: u32,
}

/// The setting of a timer.
#[derive(Clone, Copy, Default)]
pub(crate) struct Setting {
    /// Nanoseconds until it fires, or the reading of the clock then; 0 disarms it.
    pub(crate) first_ns: u64,
    /// Nanoseconds between two firings; 0 for a single one.
    pub(crate) interval_ns: u64,
    /// `first_ns` is a reading of the clock.
    pub(crate) absolute: bool,
    /// A step of the clock ends the wait.
    pub(crate) cancels: bool,
}

impl Timer {
    pub(crate) fn new(clock: Clock) -> Self {
        let next = Deadline::NEVER;
        Self { clock, next, interval_ns: 0, fired: false, cancels: false, cancelled: false, winding: 0 }
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    pub(super) fn next(&self) -> Deadline {
        self.next
    }

    pub(super) fn readiness(&self) -> u32 {
        if self.fired || self.cancelled { IN } else { 0 }
    }

    /// Arms the timer, or disarms it with `Deadline::NEVER`.
    pub(super) fn set(&mut self, next: Deadline, setting: Setting) {
        self.next = next;
        self.interval_ns = setting.interval_ns;
        self.fired = false;
        self.cancelled = false;
        self.cancels = setting.cancels && setting.absolute && self.clock == Clock::Realtime;
    }

    /// The present setting, when the clock shows `now_ns`.
    pub(super) fn setting(&self, now_ns: i64) -> Setting {
        let Self { next, interval_ns, fired, .. } = *self;
        let first_ns = match next {
            Deadline::NEVER => 0,
            _ if fired && interval_ns > 0 => interval_ns - (now_ns - next.shown_ns).max(0) as u64 % interval_ns,
            _ if fired => 0,
            next => (next.shown_ns - now_ns).max(1) as u64,
        };
        Setting { first_ns, interval_ns, ..Setting::default() }
    }

    /// Fails with the error that a read returns, unless the timer has fired since the last one.
    pub(super) fn take_fired(&mut self) -> Result<(), Errno> {
        if std::mem::take(&mut self.cancelled) {
            return Err(libc::ECANCELED);
        }
        if std::mem::take(&mut self.fired) { Ok(()) } else { Err(libc::EAGAIN) }
    }

    /// Advances to the next firing after `now_ns`. Returns the number of firings, and whether there will be more.
    pub(super) fn advance(&mut self, now_ns: i64) -> (u64, bool) {
        if self.interval_ns == 0 {
            self.next = Deadline::NEVER;
            return (1, false);
        }
        let times = 1 + (now_ns - self.next.shown_ns).max(0) as u64 / self.interval_ns;
        self.next.shown_ns = self.next.shown_ns.saturating_add_unsigned(times.saturating_mul(self.interval_ns));
        (times, true)
    }

    /// Puts the deadline of this number in force.
    pub(super) fn wind(&mut self, winding: u32) {
        self.winding = winding;
    }

    /// Fires, if the deadline of this number is in force. Returns whether it did.
    pub(super) fn fire(&mut self, winding: u32) -> bool {
        let fires = self.winding == winding && !self.fired;
        self.fired |= fires;
        fires
    }

    /// Returns whether a deadline is pending.
    pub(super) fn is_pending(&self) -> bool {
        !self.fired && self.next != Deadline::NEVER
    }

    /// The clock was set. Returns whether that ends the wait.
    pub(super) fn cancel(&mut self) -> bool {
        let cancels = self.cancels && self.next != Deadline::NEVER;
        self.cancelled |= cancels;
        cancels
    }
}
