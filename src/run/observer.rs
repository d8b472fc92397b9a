//! The watch of one run: carries the plan out, shows events to invariants and claims, decides when the run is over.
//! It draws nothing at random and prints nothing.

use crate::fault::{self, Edge, Fault, Injection, Lasting, Plan, Trigger, edge_of, heal, life_of, lift};
use crate::invariant::{self, Invariant, NOTHING_ACKED_IS_LOST, RECOVERS, Terms, nothing_left};
use crate::model::violation::Violation;
use crate::run::request::LeftBehind;
use crate::run::subscriptions::{Interest, Lookers};
use crate::scenario::claim::{Claims, View};
use crate::scenario::node::Role;
use crate::scenario::supervisor::{Supervisor, Supervisors};
use afterlife_sim::event::{Death, Event, NodeId, Seq, What};
use afterlife_sim::{Control, Observer, Status};
use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Range;

/// What an alarm is for; the injection's number is added.
const STRIKE: u64 = 1 << 32;
const LIFT: u64 = 2 << 32;
const CLAIM: u64 = 3 << 32;
const QUIET: u64 = 4 << 32;
const RECOVERED: u64 = 5 << 32;

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Faults strike.
    Faults,
    /// They are over and healed; the verifiers look and `eventually` counts.
    Convergence,
}

/// Everything that watches one run.
pub(crate) struct Watch {
    plan: Plan,
    roles: Vec<Role>,
    invariants: Vec<Box<dyn Invariant>>,
    interest: Interest,
    supervisors: Supervisors,
    claims: Claims,
    view: View,
    begun: bool,
    phase: Phase,
    /// How many injections have not struck yet.
    pending: usize,
    /// Those that last, each with the life that its victim was in.
    lasting: Vec<(usize, u16)>,
    /// How often each injection's edge was passed, for triggers.
    passed: Vec<u32>,
    aims: bool,
    /// When faults may strike.
    faults_ns: Range<u64>,
    /// Whether the scenario aims at edges itself: it may then do so for as long as its clients run.
    scripted: bool,
    struck: Vec<bool>,
    probed: BTreeMap<String, bool>,
    terms: Terms,
    violations: Vec<Violation>,
    /// What services left behind, unless nobody asks.
    left: Option<Vec<LeftBehind>>,
    /// What the first violation is told with.
    stacks: Vec<(String, u32)>,
}

/// What the watch has to say when the run is over.
pub(crate) struct Verdicts {
    pub(crate) violations: Vec<Violation>,
    pub(crate) sometimes: Vec<(String, bool)>,
    pub(crate) left: Vec<LeftBehind>,
    pub(crate) stacks: Vec<(String, u32)>,
}

impl Watch {
    pub(crate) fn new(
        plan: Plan,
        roles: Vec<Role>,
        claims: Claims,
        faults_ns: Range<u64>,
        scripted: bool,
        supervised: Vec<(NodeId, Supervisor)>,
        terms: Terms,
    ) -> Self {
        let injections = plan.injections.len();
        let with = |is: &dyn Fn(Role) -> bool| -> Vec<NodeId> {
            (0..roles.len()).filter(|index| is(roles[*index])).map(|index| NodeId(index as u16)).collect()
        };
        let setup = invariant::Setup {
            clients: with(&|role| role == Role::Client),
            no_services: with(&|role| role != Role::Service),
            supervised: supervised.iter().map(|(node, supervisor)| (*node, supervisor.healthy_ns())).collect(),
            strikes: plan.injections.iter().map(|injection| injection.fault.strikes()).collect(),
        };
        let aims = plan.injections.iter().any(|injection| {
            let held_until = matches!(injection.fault, Fault::HoldThread { until: Some(_), .. });
            matches!(injection.trigger, Trigger::On { .. }) || held_until
        });
        Self {
            pending: injections,
            plan,
            invariants: invariant::all(&terms, setup),
            supervisors: Supervisors::of(supervised),
            roles,
            claims,
            view: View::default(),
            begun: false,
            phase: Phase::Faults,
            lasting: Vec::new(),
            passed: vec![0; injections],
            interest: Interest::new(),
            aims,
            faults_ns,
            scripted,
            struck: vec![false; injections],
            probed: BTreeMap::new(),
            violations: Vec::new(),
            left: (!terms.is_off(nothing_left::ID)).then(Vec::new),
            stacks: Vec::new(),
            terms,
        }
    }

    fn begin(&mut self, room: &mut Control<'_>) {
        self.begun = true;
        if self.aims {
            room.alarm(self.faults_ns.end, QUIET);
        }
        for (index, injection) in self.plan.injections.iter().enumerate() {
            if let Trigger::At { time_ns } = injection.trigger {
                room.alarm(time_ns.saturating_sub(room.now_ns()), STRIKE | index as u64);
            }
        }
        if self.plan.injections.is_empty() {
            self.converge(room);
        }
    }

    /// Takes down what was broken, unless it is looked past; whether it was.
    fn note(&mut self, violation: Violation) -> bool {
        let counts = !self.terms.is_past(&violation);
        if counts {
            self.violations.push(violation);
        }
        counts
    }

    fn violate(&mut self, violation: Violation, room: &mut Control<'_>) {
        if self.note(violation) {
            room.finish();
        }
    }

    /// Triggers and holds that wait for a place in a lifetime.
    fn aim(&mut self, event: &Event, room: &mut Control<'_>) {
        let Some(edge) = edge_of(&event.what) else { return };
        self.end_holds(edge, event, room);
        // Before that nothing strikes, so that it does not count either: the first starts of all nodes, as a rule.
        if room.now_ns() < self.faults_ns.start {
            return;
        }
        let here = |injection: &Injection| match &injection.trigger {
            Trigger::On { edge: words, node, nth, after_ns } if *node == event.node.0 => {
                edge.is(words, |name| room.text(name)).then_some((*nth, *after_ns))
            }
            _ => None,
        };
        let here: Vec<(usize, (u32, u64))> = (self.plan.injections.iter().enumerate())
            .filter_map(|(index, injection)| Some((index, here(injection)?)))
            .collect();
        for (index, (nth, after_ns)) in here {
            self.passed[index] += 1;
            if self.passed[index] != nth {
                continue;
            }
            match after_ns {
                // Here and now: the thread that passed the edge has not gone on.
                0 => self.strike(index, room),
                after_ns => room.alarm(after_ns, STRIKE | index as u64),
            }
        }
    }

    /// Threads go on that were held until another one passes this edge.
    fn end_holds(&mut self, edge: Edge, event: &Event, room: &mut Control<'_>) {
        let over = |index: usize, room: &Control<'_>| match &self.plan.injections[index].fault {
            Fault::HoldThread { node, until: Some(words), .. } => {
                *node == event.node.0
                    && edge.is(words, |name| room.text(name))
                    && room.held_thread(index as u32) != Some(event.thread)
            }
            _ => false,
        };
        let over: Vec<usize> = self.lasting.iter().map(|it| it.0).filter(|index| over(*index, room)).collect();
        for index in over {
            self.lift(index, room);
        }
    }

    /// A fault that lasts is over, unless it was already.
    fn lift(&mut self, index: usize, room: &mut Control<'_>) {
        let Some(position) = self.lasting.iter().position(|(lasts, _)| *lasts == index) else { return };
        let over = self.lasting.remove(position);
        lift(self.as_lasting(&over), &self.lasting(), room);
        self.look_on(room);
    }

    fn strike(&mut self, index: usize, room: &mut Control<'_>) {
        if std::mem::replace(&mut self.struck[index], true) {
            return; // it was given up when the room went quiet
        }
        self.pending -= 1;
        self.view.faults += 1;
        let fault = &self.plan.injections[index].fault;
        if let Some(for_ns) = fault::strike(fault, index as u32, &self.lasting(), room) {
            let life = life_of(fault, room);
            self.lasting.push((index, life));
            room.alarm(for_ns, LIFT | index as u64);
        }
        self.look_on(room);
    }

    /// The faults that last.
    fn lasting(&self) -> Vec<Lasting<'_>> {
        self.lasting.iter().map(|it| self.as_lasting(it)).collect()
    }

    fn as_lasting(&self, (index, life): &(usize, u16)) -> Lasting<'_> {
        Lasting { fault: &self.plan.injections[*index].fault, injection: *index as u32, life: *life }
    }

    /// What still waits for its place in a lifetime has missed it.
    fn give_up_aiming(&mut self, room: &mut Control<'_>) {
        for (injection, struck) in self.plan.injections.iter().zip(&mut self.struck) {
            if matches!(injection.trigger, Trigger::On { .. }) && !std::mem::replace(struck, true) {
                self.pending -= 1;
            }
        }
        self.look_on(room);
    }

    /// Moves to convergence when faults are over and every service is back, and ends the run when there is nothing to wait for.
    fn look_on(&mut self, room: &mut Control<'_>) {
        if self.scripted && self.begun && self.pending > 0 && self.ended(Role::Client, room) {
            self.scripted = false;
            return self.give_up_aiming(room);
        }
        if self.phase == Phase::Faults && self.pending == 0 && self.lasting.is_empty() && self.services_settled(room) {
            self.converge(room);
        }
        if self.phase == Phase::Convergence {
            self.maybe_finish(room);
        }
    }

    /// Whether no service is about to come back. One that ended by itself stays down, and that is settled, too.
    fn services_settled(&self, room: &Control<'_>) -> bool {
        let service = |index: &usize| self.roles[*index] == Role::Service;
        (0..self.roles.len()).filter(service).all(|index| {
            let node = NodeId(index as u16);
            matches!(room.status(node), Status::Up) || (room.status(node) == Status::Down && !room.starts_again(node))
        })
    }

    fn converge(&mut self, room: &mut Control<'_>) {
        self.phase = Phase::Convergence;
        if !self.plan.injections.is_empty() {
            heal(room);
        }
        for (index, claim) in self.claims.eventually.iter().enumerate() {
            room.alarm(claim.within_ns, CLAIM | index as u64);
        }
        if let (Some(recovers_ns), false) = (self.terms.time_ns(RECOVERS), self.terms.is_off(RECOVERS)) {
            room.alarm(recovers_ns, RECOVERED);
        }
        self.look_at_claims(Seq::NONE, room);
    }

    fn ended(&self, role: Role, room: &Control<'_>) -> bool {
        self.unfinished(role, room).is_empty()
    }

    fn unfinished(&self, role: Role, room: &Control<'_>) -> Vec<NodeId> {
        let is = |index: &usize| self.roles[*index] == role;
        (0..self.roles.len())
            .filter(is)
            .map(|index| NodeId(index as u16))
            .filter(|node| !matches!(room.status(*node), Status::Down | Status::Off))
            .collect()
    }

    fn maybe_finish(&mut self, room: &mut Control<'_>) {
        if !self.ended(Role::Client, room) {
            return;
        }
        if let Some(verifier) = self.unfinished(Role::Verifier, room).first() {
            if room.status(*verifier) == Status::New {
                room.start(*verifier, 0);
            }
            return;
        }
        let waits_for_somebody =
            self.roles.iter().any(|role| *role != Role::Service) || !self.claims.eventually.is_empty();
        if waits_for_somebody && self.claims.eventually.iter().all(|claim| claim.held) {
            room.finish();
        }
    }

    /// Looks at the scenario's own claims again.
    fn look_at_claims(&mut self, at: Seq, room: &mut Control<'_>) {
        self.view.now_ns = room.now_ns();
        for claim in &mut self.claims.sometimes {
            claim.held = claim.held || (claim.holds)(&self.view);
        }
        if self.phase == Phase::Convergence {
            for claim in &mut self.claims.eventually {
                claim.held = (claim.holds)(&self.view);
            }
        }
        let broken = self.claims.always.iter().find(|claim| !(claim.holds)(&self.view)).map(|claim| claim.text.clone());
        if let Some(text) = broken {
            let sentence = format!("from here on it was not so that {text}");
            self.violate(own("always", &text, sentence, at), room);
        }
    }

    /// Who looks at events of this kind: invariants by their numbers, and the watch itself.
    #[inline]
    fn lookers(&self, what: &What) -> Lookers {
        let watch = || match what {
            What::Sent { .. } | What::Delivered { .. } | What::TimerFired => false,
            What::Started
            | What::Exited { .. }
            | What::Noted { .. }
            | What::Claim { .. }
            | What::Reached { .. }
            | What::Phase { .. } => true,
            What::StopRequested { .. } if !self.supervisors.is_empty() => true,
            _ => self.aims && edge_of(what).is_some(),
        };
        self.interest.of(what, self.invariants.len(), |number| self.invariants[number].wants(what), watch)
    }

    fn invariants(&mut self, event: &Event, room: &mut Control<'_>) {
        for number in self.lookers(&event.what).numbers() {
            if let Some(violation) = self.invariants[number].event(event, &*room) {
                if self.violations.is_empty() && !self.terms.is_past(&violation) {
                    self.stacks = stacks(event, &violation, room);
                }
                self.violate(violation, room);
            }
        }
    }

    /// Takes down what a service leaves behind that ended in order, whether it was asked to or not. A client may forget what it
    /// likes: the run looks at services.
    fn note_left(&mut self, event: &Event, room: &mut Control<'_>) {
        let Some(noted) = &mut self.left else { return };
        if self.roles.get(usize::from(event.node.0)) != Some(&Role::Service) {
            return;
        }
        let node = room.node_name(event.node).to_owned();
        let left = room.tell_left(event.node, event.seq).into_iter();
        noted.extend(left.map(|(at, kind, place, what)| LeftBehind {
            node: node.clone(),
            at,
            ended: event.seq,
            kind,
            what,
            place,
        }));
    }

    /// What is to be said once the run is over. Of a run that was cut short, nothing is said that only its end could show.
    pub(crate) fn verdicts(
        mut self,
        time_limit_ns: u64,
        names: &[String],
        cut_short: bool,
        live: impl Fn(NodeId) -> bool,
    ) -> Verdicts {
        if !cut_short {
            self.judge_the_end(time_limit_ns, names, live);
        }
        let own = self.claims.sometimes.iter().map(|claim| (claim.text.clone(), claim.held));
        Verdicts {
            sometimes: own.chain(self.probed).collect(),
            violations: self.violations,
            left: self.left.unwrap_or_default(),
            stacks: self.stacks,
        }
    }

    fn judge_the_end(&mut self, time_limit_ns: u64, names: &[String], live: impl Fn(NodeId) -> bool) {
        let unfinished: Vec<NodeId> = (0..self.roles.len())
            .filter(|index| self.roles[*index] != Role::Service)
            .map(|index| NodeId(index as u16))
            .filter(|node| live(*node))
            .collect();
        if self.violations.is_empty() && !self.terms.is_off(NOTHING_ACKED_IS_LOST) {
            let lost: Vec<_> = self.claims.acked.iter().filter_map(|lost| lost()).collect();
            for (ledger, missing) in lost {
                self.note(lost_entries(&ledger, &missing));
            }
        }
        if self.violations.is_empty() && !self.terms.is_off(RECOVERS) && !unfinished.is_empty() {
            let name = |node: &NodeId| names.get(usize::from(node.0)).cloned().unwrap_or_default();
            let who = unfinished.iter().map(name).collect::<Vec<_>>().join(", ");
            let after = crate::fault::span(time_limit_ns);
            let sentence = format!("{who} had not ended after {after}, although faults had stopped");
            self.note(own(RECOVERS, &who, sentence, Seq::NONE));
        }
        // One whose bound lies beyond the end of the run counts there.
        let missed = self.claims.eventually.iter().find(|claim| !(claim.holds)(&self.view));
        if let (true, Some(claim)) = (self.violations.is_empty(), missed) {
            let sentence = format!("when the run was over it was still not so that {}", claim.text);
            let violation = own("eventually", &claim.text, sentence, Seq::NONE);
            self.note(violation);
        }
    }
}

/// The stacks that a violation is told with, by the event that broke it.
fn stacks(event: &Event, violation: &Violation, room: &mut Control<'_>) -> Vec<(String, u32)> {
    match event.what {
        What::BadDescriptor { fd, .. } => {
            let Some((opened, closed)) = room.closed_descriptor(event.node, fd) else { return Vec::new() };
            vec![("used".to_owned(), room.here()), ("closed".to_owned(), closed), ("opened".to_owned(), opened)]
        }
        What::Quiescent => {
            let node = (0..room.nodes()).map(NodeId).find(|node| room.node_name(*node) == violation.subject);
            node.map(|node| room.stacks(node)).unwrap_or_default()
        }
        What::Spun { .. } => vec![("going round".to_owned(), room.here())],
        _ => Vec::new(),
    }
}

fn own(invariant: &str, class: &str, sentence: String, at: Seq) -> Violation {
    Violation {
        invariant: invariant.to_owned(),
        class: class.to_owned(),
        sites: Vec::new(),
        subject: class.to_owned(),
        sentence,
        at,
        turning: Vec::new(),
    }
}

fn lost_entries(ledger: &str, missing: &[String]) -> Violation {
    let shown = missing.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let more = if missing.len() > 3 { format!(" and {} more", missing.len() - 3) } else { String::new() };
    let sentence = format!("{shown}{more} had been acknowledged and was not there after recovery");
    Violation {
        subject: format!("{} of {ledger}", missing.len()),
        ..own(NOTHING_ACKED_IS_LOST, ledger, sentence, Seq::NONE)
    }
}

impl Observer for Watch {
    fn wants(&self, what: &What) -> bool {
        !self.lookers(what).is_empty()
    }

    fn event(&mut self, event: &Event, room: &mut Control<'_>) {
        if !self.begun {
            self.begin(room);
        }
        self.invariants(event, room);
        if let Some(delay_ns) = self.supervisors.event(event) {
            room.start(event.node, delay_ns);
        }
        if self.aims {
            self.aim(event, room);
        }
        match event.what {
            What::Started => {
                if room.incarnation(event.node) > 1 {
                    self.view.restarts += 1;
                }
                self.look_at_claims(event.seq, room);
                self.look_on(room);
            }
            What::Exited { how } => {
                if how == (Death::Exit { code: 0 }) {
                    self.note_left(event, room);
                }
                self.view.exits += 1;
                self.look_at_claims(event.seq, room);
                self.look_on(room);
            }
            What::Noted { .. } => {
                self.look_at_claims(event.seq, room);
                self.look_on(room);
            }
            What::Claim { claim, always: false, held, .. } => {
                let text = room.text(claim).to_owned();
                *self.probed.entry(text).or_insert(false) |= held;
            }
            What::Reached { name, .. } => {
                let text = room.text(name).to_owned();
                self.probed.insert(text, true);
            }
            _ => {}
        }
    }

    fn alarm(&mut self, token: u64, room: &mut Control<'_>) {
        let index = (token & 0xffff_ffff) as usize;
        match token & !0xffff_ffff {
            STRIKE => self.strike(index, room),
            QUIET => self.give_up_aiming(room),
            RECOVERED => {
                let unfinished = self.unfinished(Role::Client, room);
                if !unfinished.is_empty() {
                    let who = unfinished.iter().map(|node| room.node_name(*node)).collect::<Vec<_>>().join(", ");
                    let bound = crate::fault::span(self.terms.time_ns(RECOVERS).unwrap_or_default());
                    let sentence = format!("{who} had not ended {bound} after the last fault");
                    self.violate(own(RECOVERS, &who, sentence, Seq::NONE), room);
                }
            }
            LIFT => self.lift(index, room),
            CLAIM => {
                let claim = &mut self.claims.eventually[index];
                claim.held = (claim.holds)(&self.view);
                if !claim.held {
                    let text = claim.text.clone();
                    let bound = crate::fault::span(claim.within_ns);
                    let sentence = format!("{bound} after the last fault it was not so that {text}");
                    self.violate(own("eventually", &text, sentence, Seq::NONE), room);
                }
                self.look_on(room);
            }
            _ => {}
        }
    }

    fn quiescent(&mut self, room: &mut Control<'_>) {
        self.look_at_claims(Seq::NONE, room);
        self.look_on(room);
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
