//! The lifecycle of a node's process: its state, its incarnation, and its next start.
//! It starts and ends nothing itself; the kernel does. An illegal step panics.

use crate::event::Seq;

/// The state of a node's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessState {
    /// Never started.
    New,
    /// Running.
    Up,
    /// Asked to stop, and still running.
    Stopping,
    /// Ended; the machine still answers for its addresses.
    Down,
    /// The machine has no power: silence.
    Off,
}

impl ProcessState {
    fn leads_to(self, next: Self) -> bool {
        match self {
            Self::New | Self::Down | Self::Off => next == Self::Up,
            Self::Up => matches!(next, Self::Stopping | Self::Down | Self::Off),
            Self::Stopping => matches!(next, Self::Down | Self::Off),
        }
    }
}

/// The lifecycle of one node's process, over all incarnations.
pub(crate) struct Lifecycle {
    state: ProcessState,
    incarnation: u16,
    paused: bool,
    /// Set by a death that comes with a restart: the delay between the end and the next start.
    restart_after_ns: Option<u64>,
    starts_due: u32,
    /// The stop request that the process has not followed yet.
    stop_asked: Seq,
    /// The end of the last incarnation; none before the first one's.
    ended: Seq,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            state: ProcessState::New,
            incarnation: 0,
            paused: false,
            restart_after_ns: None,
            starts_due: 0,
            stop_asked: Seq::NONE,
            ended: Seq::NONE,
        }
    }
}

impl Lifecycle {
    fn go(&mut self, next: ProcessState) {
        assert!(self.state.leads_to(next), "no node goes from {:?} to {next:?}", self.state);
        self.state = next;
    }

    pub(crate) fn state(&self) -> ProcessState {
        self.state
    }

    /// Returns whether a process runs here.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state, ProcessState::Up | ProcessState::Stopping)
    }

    /// The present or last incarnation, from 1; 0 before the first.
    #[inline]
    pub(crate) fn incarnation(&self) -> u16 {
        self.incarnation
    }

    /// Begins the next incarnation; returns its number.
    pub(crate) fn start(&mut self) -> u16 {
        self.go(ProcessState::Up);
        self.incarnation += 1;
        self.restart_after_ns = None;
        self.incarnation
    }

    /// Records a stop request. Returns whether it is the first to this incarnation; `None` if no process runs.
    pub(crate) fn request_stop(&mut self) -> Option<bool> {
        match self.state {
            ProcessState::Up => {
                self.go(ProcessState::Stopping);
                Some(true)
            }
            ProcessState::Stopping => Some(false),
            ProcessState::New | ProcessState::Down | ProcessState::Off => None,
        }
    }

    /// The first stop request to this incarnation was this event.
    pub(crate) fn set_stop_asked(&mut self, request: Seq) {
        self.stop_asked = request;
    }

    /// The event of the last first stop request.
    pub(crate) fn stop_asked(&self) -> Seq {
        self.stop_asked
    }

    /// Ends the incarnation. Returns the delay after which the next one starts, if the death asked for one.
    pub(crate) fn end(&mut self, power_lost: bool) -> Option<u64> {
        self.go(if power_lost { ProcessState::Off } else { ProcessState::Down });
        self.paused = false;
        self.restart_after_ns.take()
    }

    /// The incarnation's end was this event.
    pub(crate) fn set_ended(&mut self, end: Seq) {
        self.ended = end;
    }

    /// The event that ended the last incarnation.
    pub(crate) fn ended(&self) -> Seq {
        self.ended
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Marks the process as paused. Returns whether it ran until now.
    pub(crate) fn pause(&mut self) -> bool {
        self.is_up() && !std::mem::replace(&mut self.paused, true)
    }

    /// Marks the process as running. Returns whether it was paused.
    pub(crate) fn resume(&mut self) -> bool {
        std::mem::take(&mut self.paused)
    }

    /// The next incarnation starts this long after the present one's end.
    pub(crate) fn restart_after(&mut self, delay_ns: u64) {
        self.restart_after_ns = Some(delay_ns);
    }

    /// A start was scheduled.
    pub(crate) fn start_scheduled(&mut self) {
        self.starts_due += 1;
    }

    /// A scheduled start fell due.
    pub(crate) fn start_due(&mut self) {
        self.starts_due = self.starts_due.saturating_sub(1);
    }

    /// Returns whether a start is scheduled.
    pub(crate) fn will_restart(&self) -> bool {
        self.starts_due > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_starts_stops_and_will_restart() {
        let mut lifecycle = Lifecycle::default();
        assert_eq!((lifecycle.request_stop(), lifecycle.pause()), (None, false));
        assert_eq!(lifecycle.start(), 1);
        assert!(lifecycle.pause() && !lifecycle.pause());
        assert_eq!((lifecycle.request_stop(), lifecycle.request_stop()), (Some(true), Some(false)));
        lifecycle.restart_after(7);
        assert_eq!(lifecycle.end(true), Some(7));
        assert!(!lifecycle.is_paused() && !lifecycle.resume());
        assert_eq!((lifecycle.state(), lifecycle.start()), (ProcessState::Off, 2));
        assert_eq!(lifecycle.end(false), None);
    }

    #[test]
    #[should_panic(expected = "no node goes from Down to Off")]
    fn what_has_ended_does_not_end_again() {
        let mut lifecycle = Lifecycle::default();
        lifecycle.start();
        lifecycle.end(false);
        lifecycle.end(true);
    }
}
