//! Supervisors: who starts a process again that ended by itself, when, and how often.
//! What a fault ended has its own restart, and what an operator stopped stays stopped.

use crate::invariant::deaths::is_failure;
use crate::model::duration::nanoseconds;
use afterlife_sim::event::{Death, Event, NodeId, What};
use std::collections::BTreeMap;
use std::time::Duration;

/// After which ends a process is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Never,
    OnFailure,
    Always,
}

/// What starts a node's process again after it ended by itself, as systemd or a kubelet would. There is no jitter: one seed, one
/// schedule.
///
/// ```
/// use afterlife::{Sim, Supervisor};
/// use std::time::Duration;
///
/// fn a_worker_that_is_looked_after(sim: &mut Sim) {
///     let worker = sim.program("worker", |_| 1);
///     let backoff = Supervisor::on_failure().delay(Duration::from_secs(1)).backoff(2, Duration::from_secs(60));
///     sim.supervise(worker, backoff.attempts(5));
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supervisor {
    when: When,
    delay_ns: u64,
    factor: u64,
    delay_max_ns: u64,
    attempts_max: u32,
    healthy_ns: u64,
}

const SECOND_NS: u64 = 1_000_000_000;

impl Supervisor {
    fn new(when: When) -> Self {
        Self {
            when,
            delay_ns: SECOND_NS,
            factor: 1,
            delay_max_ns: 300 * SECOND_NS,
            attempts_max: u32::MAX,
            healthy_ns: 60 * SECOND_NS,
        }
    }

    /// Starts nothing again: what ended stays down, and *no-crash-loop* looks at it all the same.
    pub fn never() -> Self {
        Self::new(When::Never)
    }

    /// Starts a process again that ended badly: with an exit code that is not 0, by a panic, an abort or a signal, or for want
    /// of memory. One second later, each time and for ever, unless more is said.
    pub fn on_failure() -> Self {
        Self::new(When::OnFailure)
    }

    /// As [`on_failure`](Self::on_failure), and after an end with code 0 too.
    pub fn always() -> Self {
        Self::new(When::Always)
    }

    /// How long it waits before the first attempt.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay_ns = nanoseconds(delay);
        self
    }

    /// Each further attempt waits `factor` times as long as the last, and `delay_max` at most.
    pub fn backoff(mut self, factor: u32, delay_max: Duration) -> Self {
        self.factor = u64::from(factor);
        self.delay_max_ns = nanoseconds(delay_max);
        self
    }

    /// Gives up after so many attempts in a row.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts_max = attempts;
        self
    }

    /// A process that lived this long was healthy: attempts are counted anew, and a crash loop is none. A minute unless said.
    pub fn healthy_after(mut self, healthy: Duration) -> Self {
        self.healthy_ns = nanoseconds(healthy);
        self
    }

    /// How long a process lives to be healthy, in nanoseconds.
    pub(crate) fn healthy_ns(&self) -> u64 {
        self.healthy_ns
    }

    fn restarts_after(&self, how: Death) -> bool {
        match self.when {
            When::Never => false,
            When::OnFailure => is_failure(how),
            When::Always => is_failure(how) || how == Death::Exit { code: 0 },
        }
    }

    fn delay_ns_of(&self, attempt: u32) -> u64 {
        self.delay_ns.saturating_mul(self.factor.saturating_pow(attempt)).min(self.delay_max_ns.max(self.delay_ns))
    }
}

struct Charge {
    supervisor: Supervisor,
    began_ns: u64,
    attempts: u32,
    was_asked_to_stop: bool,
}

/// The supervisors of a run, with what each knows of its process.
#[derive(Default)]
pub(crate) struct Supervisors {
    charges: BTreeMap<NodeId, Charge>,
}

impl Supervisors {
    pub(crate) fn of(supervised: impl IntoIterator<Item = (NodeId, Supervisor)>) -> Self {
        let charge = |supervisor| Charge { supervisor, began_ns: 0, attempts: 0, was_asked_to_stop: false };
        Self { charges: supervised.into_iter().map(|(node, supervisor)| (node, charge(supervisor))).collect() }
    }

    /// Whether nobody is supervised.
    pub(crate) fn is_empty(&self) -> bool {
        self.charges.is_empty()
    }

    /// Something happened. Returns after how many nanoseconds the event's node is to be started again, if it is.
    pub(crate) fn event(&mut self, event: &Event) -> Option<u64> {
        let charge = self.charges.get_mut(&event.node)?;
        match event.what {
            What::Started => {
                charge.began_ns = event.time_ns;
                charge.was_asked_to_stop = false;
                None
            }
            What::StopRequested { .. } => {
                charge.was_asked_to_stop = true;
                None
            }
            What::Exited { how } => charge.ended(how, event.time_ns),
            _ => None,
        }
    }
}

impl Charge {
    fn ended(&mut self, how: Death, now_ns: u64) -> Option<u64> {
        if self.was_asked_to_stop || !self.supervisor.restarts_after(how) {
            return None;
        }
        if now_ns - self.began_ns >= self.supervisor.healthy_ns {
            self.attempts = 0;
        }
        if self.attempts == self.supervisor.attempts_max {
            return None;
        }
        self.attempts += 1;
        Some(self.supervisor.delay_ns_of(self.attempts - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: Death = Death::Exit { code: 1 };

    fn charge(supervisor: Supervisor) -> Charge {
        Charge { supervisor, began_ns: 0, attempts: 0, was_asked_to_stop: false }
    }

    #[test]
    fn delays_grow_up_to_their_cap_and_attempts_run_out() {
        let backoff = Supervisor::on_failure().backoff(3, Duration::from_secs(5)).attempts(4);
        let mut charge = charge(backoff);
        let delays: Vec<_> = (0..5).map(|_| charge.ended(BAD, 1)).collect();
        assert_eq!(delays, [Some(SECOND_NS), Some(3 * SECOND_NS), Some(5 * SECOND_NS), Some(5 * SECOND_NS), None]);
        // Who lived long enough has all attempts again.
        charge.began_ns = 10;
        assert_eq!(charge.ended(BAD, 60 * SECOND_NS + 10), Some(SECOND_NS));
    }

    #[test]
    fn a_long_row_of_attempts_overflows_nothing() {
        let supervisor = Supervisor::always().backoff(u32::MAX, Duration::MAX);
        assert_eq!(supervisor.delay_ns_of(u32::MAX), u64::MAX);
    }

    #[test]
    fn only_ends_of_its_own_doing_are_mended() {
        for how in [Death::Kill, Death::Overrun, Death::PowerLoss] {
            assert_eq!(charge(Supervisor::always()).ended(how, 1), None);
        }
        for how in [BAD, Death::Panic, Death::Abort, Death::OutOfMemory, Death::Signal { signal: 11 }] {
            assert!(charge(Supervisor::on_failure()).ended(how, 1).is_some());
            assert_eq!(charge(Supervisor::never()).ended(how, 1), None);
            let mut asked = charge(Supervisor::always());
            asked.was_asked_to_stop = true;
            assert_eq!(asked.ended(how, 1), None);
        }
        assert_eq!(charge(Supervisor::on_failure()).ended(Death::Exit { code: 0 }, 1), None);
        assert!(charge(Supervisor::always()).ended(Death::Exit { code: 0 }, 1).is_some());
    }
}
