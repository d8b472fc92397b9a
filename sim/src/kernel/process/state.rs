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
            Self::New | Self::Off => next == Self::Up,
            Self::Down => matches!(next, Self::Up | Self::Off),
            Self::Up => matches!(next, Self::Stopping | Self::Down | Self::Off),
            Self::Stopping => matches!(next, Self::Down | Self::Off),
        }
    }
}

/// The number of a scheduled start, to tell it from the one that replaced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartTicket(u32);

/// The next start of a process. There is at most one: a start that is due when the process runs, or that an earlier one has
/// replaced, is void.
#[derive(Clone, Copy)]
struct NextStart {
    due_ns: u64,
    ticket: StartTicket,
}

/// The lifecycle of one node's process, over all incarnations.
pub(crate) struct Lifecycle {
    state: ProcessState,
    incarnation: u16,
    paused: bool,
    /// Set by a death that comes with a restart: the delay between the end and the next start.
    restart_after_ns: Option<u64>,
    next_start: Option<NextStart>,
    /// The number of starts that were scheduled so far.
    starts: u32,
    /// The stop request that the process has not followed yet.
    stop_asked: Seq,
    /// The end of the last incarnation; none before the first one's.
    ended: Seq,
    ended_ns: u64,
    /// The machine's monotonic clock when the incarnation started.
    started_ns: i64,
    /// The number of times that the machine lost power.
    power_losses: u32,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            state: ProcessState::New,
            incarnation: 0,
            paused: false,
            restart_after_ns: None,
            next_start: None,
            starts: 0,
            stop_asked: Seq::NONE,
            ended: Seq::NONE,
            ended_ns: 0,
            started_ns: 0,
            power_losses: 0,
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
        self.next_start = None;
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
        self.power_losses += u32::from(power_lost);
        self.restart_after_ns.take()
    }

    /// The machine loses power while no process runs.
    pub(crate) fn lose_power(&mut self) {
        self.go(ProcessState::Off);
        self.power_losses += 1;
    }

    /// The machine's monotonic clock shows this when the incarnation starts.
    pub(crate) fn set_started_ns(&mut self, shown_ns: i64) {
        self.started_ns = shown_ns;
    }

    /// The machine's monotonic clock when the incarnation started.
    pub(crate) fn started_ns(&self) -> i64 {
        self.started_ns
    }

    /// The number of times that the machine lost power.
    pub(crate) fn power_losses(&self) -> u32 {
        self.power_losses
    }

    /// The incarnation's end was this event, at this virtual time.
    pub(crate) fn set_ended(&mut self, end: Seq, ns: u64) {
        self.ended = end;
        self.ended_ns = ns;
    }

    /// The virtual time at which the last incarnation ended.
    pub(crate) fn ended_ns(&self) -> u64 {
        self.ended_ns
    }

    /// The virtual time of the next start, if one is scheduled. One at the end of time, as that of a verifier, does not count.
    pub(crate) fn next_start_ns(&self) -> Option<u64> {
        self.next_start.map(|next| next.due_ns).filter(|due_ns| *due_ns < u64::MAX)
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

    /// Schedules the next start. Returns its ticket; `None` if one is scheduled that is not later, and stays.
    pub(crate) fn schedule_start(&mut self, due_ns: u64) -> Option<StartTicket> {
        if self.next_start.is_some_and(|next| next.due_ns <= due_ns) {
            return None;
        }
        self.starts += 1;
        let ticket = StartTicket(self.starts);
        self.next_start = Some(NextStart { due_ns, ticket });
        Some(ticket)
    }

    /// A start fell due. Returns whether the process starts: it does not run, and nothing has replaced this start.
    pub(crate) fn start_due(&mut self, ticket: StartTicket) -> bool {
        self.next_start.take_if(|next| next.ticket == ticket).is_some() && !self.is_up()
    }

    /// Returns whether a start is scheduled. One at the end of time, as that of a verifier, does not count.
    pub(crate) fn will_restart(&self) -> bool {
        self.next_start_ns().is_some()
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
        lifecycle.lose_power();
        assert_eq!((lifecycle.state(), lifecycle.start()), (ProcessState::Off, 3));
    }

    #[test]
    #[should_panic(expected = "no node goes from Off to Off")]
    fn a_machine_without_power_does_not_lose_it_again() {
        let mut lifecycle = Lifecycle::default();
        lifecycle.start();
        lifecycle.end(true);
        lifecycle.lose_power();
    }

    #[test]
    fn the_earliest_start_counts_and_a_start_voids_it() {
        let mut lifecycle = Lifecycle::default();
        let never = lifecycle.schedule_start(u64::MAX).expect("none was scheduled");
        assert!(!lifecycle.will_restart());
        let first = lifecycle.schedule_start(10).expect("it is earlier");
        assert!(lifecycle.schedule_start(10).is_none() && lifecycle.schedule_start(11).is_none());
        assert!(lifecycle.will_restart() && !lifecycle.start_due(never));
        assert!(lifecycle.start_due(first) && !lifecycle.will_restart());
        lifecycle.start();
        let stale = lifecycle.schedule_start(20).expect("none was scheduled");
        assert!(!lifecycle.start_due(stale));
        let stale = lifecycle.schedule_start(30).expect("none was scheduled");
        lifecycle.end(false);
        lifecycle.start();
        lifecycle.end(false);
        assert!(!lifecycle.will_restart() && !lifecycle.start_due(stale));
    }
}
