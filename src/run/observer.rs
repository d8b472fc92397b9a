//! The observer of one run: passes events to the plan, the invariants and the claims, and decides when the run is over.
//! It makes no random choices and prints nothing.

use super::account::{RunAccount, RunningAccount};
use super::alarms::Alarm;
use super::claim_check::{ClaimCheck, not_recovered};
use super::injector::{Attempt, Injector, Window};
use super::judge::{Findings, Judge};
use super::roles::Roles;
use super::subscriptions::Subscribers;
use crate::fault::{Plan, heal};
use crate::invariant::nothing_left::ServiceLeak;
use crate::invariant::{Invariant, NOTHING_ACKED_IS_LOST, RECOVERS, Setup, Terms};
use crate::model::duration::span;
use crate::model::violation::Violation;
use crate::scenario::claim::Claims;
use crate::scenario::node::Role;
use crate::scenario::supervisor::{Supervisor, Supervisors};
use afterlife_sim::event::{Death, Event, NodeId, Seq, What};
use afterlife_sim::{Control, Observer, Status};
use std::any::Any;
use std::collections::BTreeSet;

/// The phase of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Faults strike.
    Faults,
    /// Faults are over and healed: verifiers run, and `eventually` counts.
    Convergence,
}

/// The observer of one run.
pub(crate) struct RunObserver {
    /// True after the first event.
    begun: bool,
    phase: Phase,
    roles: Roles,
    injector: Injector,
    /// True if the scenario itself aims injections at edges, which it may do for as long as its clients run.
    scripted: bool,
    judge: Judge,
    claims: ClaimCheck,
    supervisors: Supervisors,
    account: RunningAccount,
    /// The longest virtual time of the run.
    limit_ns: u64,
}

/// The subject of an observer: a plan, and the claims of a scenario.
pub(crate) struct Watched {
    pub(crate) plan: Plan,
    pub(crate) roles: Vec<Role>,
    pub(crate) claims: Claims,
    /// The times in which faults may strike.
    pub(crate) window: Window,
    /// True if the scenario itself aims injections at edges.
    pub(crate) scripted: bool,
    pub(crate) supervised: Vec<(NodeId, Supervisor)>,
    pub(crate) terms: Terms,
    /// The longest virtual time of the run.
    pub(crate) limit_ns: u64,
    /// The scenario's own invariants.
    pub(crate) own: Vec<Box<dyn Invariant>>,
}

/// The observer's verdicts on a run that is over.
pub(crate) struct Verdicts {
    pub(crate) violations: Vec<Violation>,
    pub(crate) sometimes: Vec<(String, bool)>,
    pub(crate) account: RunAccount,
    pub(crate) leaks: Vec<ServiceLeak>,
    pub(crate) stacks: Vec<(String, u32)>,
}

impl RunObserver {
    pub(crate) fn new(watched: Watched) -> Self {
        let Watched { plan, roles, claims, window, scripted, supervised, terms, limit_ns, own } = watched;
        let account = RunningAccount::new(roles.iter().copied());
        let roles = Roles::new(roles);
        let injector = Injector::new(plan, window);
        let setup = Setup {
            own,
            clients: roles.nodes(|role| role == Role::Client).collect(),
            services: roles.nodes(|role| role == Role::Service).collect(),
            no_services: roles.nodes(|role| role != Role::Service).collect(),
            supervised: supervised.iter().map(|(node, supervisor)| (*node, supervisor.healthy_ns())).collect(),
            strikes: injector.strikes(),
        };
        Self {
            begun: false,
            phase: Phase::Faults,
            roles,
            injector,
            scripted,
            judge: Judge::new(terms, setup),
            claims: ClaimCheck::new(claims),
            supervisors: Supervisors::of(supervised),
            account,
            limit_ns,
        }
    }

    fn begin(&mut self, control: &mut Control<'_>) {
        self.begun = true;
        self.injector.begin(control);
        if self.injector.is_idle() {
            self.converge(control);
        }
    }

    fn violate(&mut self, violation: Violation, control: &mut Control<'_>) {
        if self.judge.note(violation) {
            control.finish();
        }
    }

    /// Serves the injections that wait for an edge of a lifetime.
    fn aim(&mut self, event: &Event, control: &mut Control<'_>) {
        for index in self.injector.ended_holds(event, control) {
            self.lift(index, control);
        }
        let revived = self.injector.revived(event, control);
        for (index, after_ns) in self.injector.triggered(event, control).into_iter().chain(revived) {
            match after_ns {
                // At once: the thread that passed the edge has not continued.
                0 => self.strike(index, control),
                after_ns => control.set_alarm(after_ns, Alarm::Strike(index).token()),
            }
        }
    }

    fn strike(&mut self, index: usize, control: &mut Control<'_>) {
        let attempt = self.injector.strike(index, control);
        if attempt == Attempt::Struck {
            self.claims.count_fault();
        }
        if attempt != Attempt::Nothing {
            self.advance(control);
        }
    }

    fn lift(&mut self, index: usize, control: &mut Control<'_>) {
        if self.injector.lift(index, control) {
            self.advance(control);
        }
    }

    fn give_up_aiming(&mut self, control: &mut Control<'_>) {
        self.injector.give_up_aiming();
        self.advance(control);
    }

    /// Moves to convergence when faults are over and every service is back, and ends the run when nothing is left to wait for.
    fn advance(&mut self, control: &mut Control<'_>) {
        if self.scripted && self.begun && self.injector.is_pending() && self.roles.have_ended(Role::Client, control) {
            self.scripted = false;
            return self.give_up_aiming(control);
        }
        if self.phase == Phase::Faults && self.injector.is_over() && self.roles.services_are_settled(control) {
            self.converge(control);
        }
        if self.phase == Phase::Convergence {
            self.finish_if_done(control);
        }
    }

    fn converge(&mut self, control: &mut Control<'_>) {
        self.phase = Phase::Convergence;
        if !self.injector.is_idle() {
            heal(control);
        }
        for (index, within_ns) in self.claims.bounds_ns().enumerate() {
            control.set_alarm(within_ns, Alarm::Claim(index).token());
        }
        let terms = self.judge.terms();
        if let (Some(recovers_ns), false) = (terms.time_ns(RECOVERS), terms.is_off(RECOVERS)) {
            control.set_alarm(recovers_ns, Alarm::Recovered.token());
        }
        self.check_claims(Seq::NONE, control);
    }

    fn finish_if_done(&mut self, control: &mut Control<'_>) {
        if !self.roles.have_ended(Role::Client, control) {
            return;
        }
        if let Some(verifier) = self.roles.unfinished(Role::Verifier, control).first() {
            if control.status(*verifier) == Status::New {
                control.start(*verifier, 0);
            }
            return;
        }
        let has_an_end = self.roles.has_clients() || self.claims.has_eventually();
        if has_an_end && self.claims.all_hold() {
            control.finish();
        }
    }

    fn check_claims(&mut self, at: Seq, control: &mut Control<'_>) {
        let faults_are_over = self.phase == Phase::Convergence;
        if let Some(violation) = self.claims.check(at, control.now_ns(), faults_are_over) {
            self.violate(violation, control);
        }
    }

    #[inline]
    fn subscribers(&self, what: &What) -> Subscribers {
        let own = || match what {
            What::Sent { .. } | What::Delivered { .. } | What::TimerFired => false,
            What::Started
            | What::Exited { .. }
            | What::Noted { .. }
            | What::Completed { .. }
            | What::Claim { .. }
            | What::Reached { .. }
            | What::Phase { .. } => true,
            What::StopRequested { .. } if !self.supervisors.is_empty() => true,
            _ => self.injector.wants(what) || RunningAccount::wants(what),
        };
        self.judge.subscribers(what, own)
    }

    /// The verdicts on a run that is over. One that was cut short is not judged by its end.
    pub(crate) fn verdicts(
        mut self,
        time_limit_ns: u64,
        names: &[String],
        cut_short: bool,
        live: impl Fn(NodeId) -> bool,
    ) -> Verdicts {
        if !cut_short {
            self.judge_the_end(time_limit_ns, names, &live);
        }
        let (nodes, restarts) = self.account.close(names, live);
        let account = RunAccount { nodes, restarts, injections: self.injector.outcomes(), ..RunAccount::default() };
        let Findings { violations, leaks, stacks } = self.judge.into_findings();
        Verdicts { violations, sometimes: self.claims.into_sometimes(), account, leaks, stacks }
    }

    fn judge_the_end(&mut self, time_limit_ns: u64, names: &[String], live: impl Fn(NodeId) -> bool) {
        let unfinished: Vec<NodeId> =
            self.roles.nodes(|role| role != Role::Service).filter(|node| live(*node)).collect();
        if self.judge.is_clean() && !self.judge.terms().is_off(NOTHING_ACKED_IS_LOST) {
            for violation in self.claims.lost() {
                self.judge.note(violation);
            }
        }
        if self.judge.is_clean() && !self.judge.terms().is_off(RECOVERS) && !unfinished.is_empty() {
            let name = |node: &NodeId| names.get(usize::from(node.0)).cloned().unwrap_or_default();
            let who = unfinished.iter().map(name).collect::<Vec<_>>().join(", ");
            let after = span(time_limit_ns);
            let sentence = format!("{who} had not ended after {after}, although all faults were over");
            self.judge.note(not_recovered(&unfinished, &who, sentence));
        }
        if let (true, Some(violation)) = (self.judge.is_clean(), self.claims.missed(&unfinished)) {
            self.judge.note(violation);
        }
    }

    /// Reports the waits of clients that do not end, and the services that are down, before the violation that names them.
    fn report_waits(&self, unfinished: &[NodeId], control: &mut Control<'_>) {
        let is_down = |node: &NodeId| matches!(control.status(*node), Status::Down | Status::Off);
        let down: Vec<NodeId> = self.roles.nodes(|role| role == Role::Service).filter(is_down).collect();
        report_waits(unfinished.iter().copied().chain(down), control);
    }

    fn judge_recovery(&mut self, control: &mut Control<'_>) {
        let unfinished = self.roles.unfinished(Role::Client, control);
        if unfinished.is_empty() {
            return;
        }
        let who = unfinished.iter().map(|node| control.node_name(*node)).collect::<Vec<_>>().join(", ");
        let bound = span(self.judge.terms().time_ns(RECOVERS).unwrap_or_default());
        let sentence = format!("{who} had not ended {bound} after the last fault");
        self.report_waits(&unfinished, control);
        self.violate(not_recovered(&unfinished, &who, sentence), control);
    }
}

/// Reports the waits of nodes that do not end, before the violation that names them.
fn report_waits(nodes: impl Iterator<Item = NodeId>, control: &mut Control<'_>) {
    for node in nodes {
        control.report_waits(node);
    }
}

impl Observer for RunObserver {
    fn wants(&self, what: &What) -> bool {
        !self.subscribers(what).is_empty()
    }

    fn event(&mut self, event: &Event, control: &mut Control<'_>) {
        if !self.begun {
            self.begin(control);
        }
        self.account.event(event, control);
        // Invariants ask whether a process that has ended will be started again.
        if let Some(delay_ns) = self.supervisors.event(event) {
            control.start(event.node, delay_ns);
        }
        if self.judge.event(event, self.subscribers(&event.what), control) {
            control.finish();
        }
        self.aim(event, control);
        match event.what {
            What::Started => {
                if control.incarnation(event.node) > 1 {
                    self.claims.count_restart();
                }
                self.check_claims(event.seq, control);
                self.advance(control);
            }
            What::Exited { how } => {
                if how == (Death::Exit { code: 0 }) && self.roles.is_service(event.node) {
                    self.judge.note_leaks(event, control);
                }
                self.claims.count_exit();
                self.check_claims(event.seq, control);
                self.advance(control);
            }
            What::Noted { ledger, entry, .. } => {
                self.claims.noted(control.text(ledger), control.text(entry), event.seq);
                self.check_claims(event.seq, control);
                self.advance(control);
            }
            What::Completed { ledger, .. } => {
                self.claims.completed(control.text(ledger), event.seq);
                self.check_claims(event.seq, control);
                self.advance(control);
            }
            What::Claim { claim, always: false, held, .. } => self.claims.probed(control.text(claim), held),
            What::Reached { name, .. } => self.claims.probed(control.text(name), true),
            _ => {}
        }
    }

    fn alarm(&mut self, token: u64, control: &mut Control<'_>) {
        match Alarm::of(token) {
            Some(Alarm::Strike(index)) => self.strike(index, control),
            Some(Alarm::Lift(index)) => self.lift(index, control),
            Some(Alarm::Quiet) => {
                self.injector.close_window(control.now_ns());
                self.advance(control);
            }
            Some(Alarm::Recovered) => self.judge_recovery(control),
            Some(Alarm::Claim(index)) => {
                let unfinished = self.roles.unfinished(Role::Client, control);
                if let Some(violation) = self.claims.check_at_bound(index, &unfinished) {
                    self.report_waits(&unfinished, control);
                    self.violate(violation, control);
                }
                self.advance(control);
            }
            None => {}
        }
    }

    fn time_is_up(&mut self, control: &mut Control<'_>) {
        let is_whole = control.now_ns() >= self.limit_ns;
        let unfinished: Vec<NodeId> = [Role::Client, Role::Verifier]
            .into_iter()
            .flat_map(|role| self.roles.unfinished(role, control))
            .filter(|node| control.status(*node) != Status::New)
            .collect();
        let waits = !unfinished.is_empty() && !self.judge.terms().is_off(RECOVERS);
        if is_whole && self.judge.is_clean() && (waits || self.claims.missed(&[]).is_some()) {
            self.report_waits(&unfinished, control);
        }
    }

    /// A client that has not ended never does, nor does a process that was asked to stop. Their waits come before the event by which
    /// that is noticed.
    fn stuck(&mut self, control: &mut Control<'_>) {
        let clients = self.roles.unfinished(Role::Client, control).into_iter();
        let stopping = (0..control.nodes()).map(NodeId).filter(|node| control.status(*node) == Status::Stopping);
        report_waits(clients.chain(stopping).collect::<BTreeSet<_>>().into_iter(), control);
    }

    fn quiescent(&mut self, control: &mut Control<'_>) {
        self.check_claims(Seq::NONE, control);
        self.advance(control);
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
