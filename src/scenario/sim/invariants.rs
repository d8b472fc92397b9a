//! The invariants of a scenario: those of its own, those that are off, known issues, and bounds.

use super::Sim;
use crate::invariant::{Bound, Invariant};
use crate::model::group::Group;
use crate::scenario::node::Role;

impl Sim {
    /// Registers an invariant of your own. It may be turned off and have known issues from here on. An id that another invariant
    /// has is an error of the run.
    #[track_caller]
    pub fn invariant(&mut self, invariant: impl Invariant + 'static) {
        let outcome = self.terms.register(invariant.id());
        self.settle(outcome);
        self.invariants.push(Box::new(invariant));
    }

    /// Allows these clients and verifiers to fail: to return an error, to exit with another code than 0, to panic. Any other that
    /// does breaks *no-client-error*. A service is an error of the run: its own exits are a
    /// [known issue](Self::known_issue) of *no-unprovoked-exit*. A panic still breaks *no-silent-panic*.
    ///
    /// ```
    /// use afterlife::Sim;
    ///
    /// fn a_client_without_retries(sim: &mut Sim) {
    ///     let impatient = sim.client("impatient", |_| async { Err("no answer within 10 ms".into()) });
    ///     sim.may_fail(impatient); // the ledgers say what it achieved
    /// }
    /// ```
    #[track_caller]
    pub fn may_fail(&mut self, clients: Group) {
        for node in clients.nodes() {
            let Some(process) = self.processes.get(usize::from(node.0)) else { continue };
            if process.role == Role::Service {
                let name = &process.name;
                let why = format!(
                    "`{name}` is a service, and only clients and verifiers may fail: \
                    declare its exit with `known_issue(\"no-unprovoked-exit\", &[\"{name}\"])`"
                );
                self.settle(Err(why));
            } else {
                self.terms.allow_failure(node);
            }
        }
    }

    /// Turns an invariant off in this scenario. [`invariants`](crate::invariants) lists the ids; an unknown one is an error of
    /// the run, which names the nearest.
    #[track_caller]
    pub fn turn_off(&mut self, invariant: &str) {
        let outcome = self.terms.turn_off(invariant);
        self.settle(outcome);
    }

    /// Turns on an invariant that is off by default: `no-stale-message`. An unknown id is an error of the run.
    #[track_caller]
    pub fn turn_on(&mut self, invariant: &str) {
        let outcome = self.terms.turn_on(invariant);
        self.settle(outcome);
    }

    /// Declares a known issue: a violation of this invariant whose signature or sentence contains all of these parts does not end
    /// the run, so that the search finds the failures behind it. With no parts, every violation of the invariant is known. A
    /// scenario may draw by [`rng`](Self::rng) which runs have known issues; a token replays its run as it was. An unknown id is an
    /// error of the run.
    ///
    /// ```
    /// use afterlife::Sim;
    ///
    /// fn behind_the_first_bug(sim: &mut Sim) {
    ///     // Reported on Tuesday. Other uses after a teardown still end a run, also of the monitor.
    ///     sim.known_issue("no-use-after-teardown", &["monitor", "proxy/group_replication.rs"]);
    /// }
    /// ```
    #[track_caller]
    pub fn known_issue(&mut self, invariant: &str, parts: &[&str]) {
        let outcome = self.terms.known_issue(invariant, parts);
        self.settle(outcome);
    }

    /// Sets the bound of an invariant. [`invariants`](crate::invariants) lists the bounds with their units and defaults. An unknown
    /// id or a wrong unit is an error of the run.
    ///
    /// ```
    /// use afterlife::Sim;
    /// use std::time::Duration;
    ///
    /// fn a_strict_scenario(sim: &mut Sim) {
    ///     sim.bound("bounded-shutdown", Duration::from_secs(10)); // whatever the budget of a stop is
    ///     sim.bound("recovers", Duration::from_secs(60)); // from the end of the last fault
    ///     sim.bound("no-crash-loop", 5); // ends in a row
    ///     sim.bound("bounded-request", 64 << 20); // bytes of one allocation, where `Memory` is the allocator
    /// }
    /// ```
    #[track_caller]
    pub fn bound(&mut self, invariant: &str, bound: impl Into<Bound>) {
        let outcome = self.terms.bound(invariant, bound.into());
        self.settle(outcome);
    }
}
