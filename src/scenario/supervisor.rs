//! Supervisors: whether a process that ended by itself is restarted, when, and how often. A fault that ends a process has a restart
//! of its own, and a stopped process stays stopped.

use crate::invariant::deaths::is_failure;
use crate::model::duration::nanoseconds;
use afterlife_sim::event::{Death, Event, NodeId, What};
use std::collections::BTreeMap;
use std::time::Duration;

/// The ends after which a process is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Never,
    OnFailure,
    Always,
}

/// Restarts a node's process after it ended by itself, as systemd or a kubelet does. There is no jitter: the same ends give the
/// same restarts.
///
/// ```
/// use afterlife::{Sim, Supervisor};
/// use std::time::Duration;
///
/// fn a_supervised_worker(sim: &mut Sim) {
///     let worker = sim.node_main("worker", |_| 1);
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

    /// Never restarts. The process is still watched by *no-crash-loop*.
    pub fn never() -> Self {
        Self::new(When::Never)
    }

    /// Restarts a process that failed: an exit code that is not 0, a panic, an abort, a signal, or a lack of memory. By default,
    /// each restart comes one second after the end, and there is no limit to their number.
    pub fn on_failure() -> Self {
        Self::new(When::OnFailure)
    }

    /// Like [`on_failure`](Self::on_failure), and also after exit code 0.
    pub fn always() -> Self {
        Self::new(When::Always)
    }

    /// Sets the delay of the first attempt. The default is 1 s.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay_ns = nanoseconds(delay);
        self
    }

    /// Multiplies the delay by `factor` for each further attempt, up to `delay_max`. The default is no backoff.
    pub fn backoff(mut self, factor: u32, delay_max: Duration) -> Self {
        self.factor = u64::from(factor);
        self.delay_max_ns = nanoseconds(delay_max);
        self
    }

    /// Gives up after this many attempts in a row. Unlimited by default.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts_max = attempts;
        self
    }

    /// Sets the time after which a process counts as healthy: its earlier attempts, and crash loops, are forgotten. The default is
    /// 1 min.
    pub fn healthy_after(mut self, healthy: Duration) -> Self {
        self.healthy_ns = nanoseconds(healthy);
        self
    }

    /// The time after which a process counts as healthy, in nanoseconds.
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

/// The supervisors of a run, each with the state of its process.
#[derive(Default)]
pub(crate) struct Supervisors {
    charges: BTreeMap<NodeId, Charge>,
}

impl Supervisors {
    pub(crate) fn of(supervised: impl IntoIterator<Item = (NodeId, Supervisor)>) -> Self {
        let charge = |supervisor| Charge { supervisor, began_ns: 0, attempts: 0, was_asked_to_stop: false };
        Self { charges: supervised.into_iter().map(|(node, supervisor)| (node, charge(supervisor))).collect() }
    }

    /// Returns whether no node has a supervisor.
    pub(crate) fn is_empty(&self) -> bool {
        self.charges.is_empty()
    }

    /// Observes an event. Returns the delay in nanoseconds after which the event's node is restarted, if it is.
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
        // A process that lived long enough has all attempts again.
        charge.began_ns = 10;
        assert_eq!(charge.ended(BAD, 60 * SECOND_NS + 10), Some(SECOND_NS));
    }

    #[test]
    fn many_attempts_in_a_row_do_not_overflow() {
        let supervisor = Supervisor::always().backoff(u32::MAX, Duration::MAX);
        assert_eq!(supervisor.delay_ns_of(u32::MAX), u64::MAX);
    }

    #[test]
    fn only_a_process_that_ended_by_itself_is_restarted() {
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
