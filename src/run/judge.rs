//! Passes the events of a run to its invariants, and collects their violations.

use super::passed_over::PassedOver;
use super::subscriptions::{Subscribers, Subscriptions};
use crate::invariant::nothing_left::ServiceLeak;
use crate::invariant::{self, Monitor, Setup, Terms, nothing_left};
use crate::model::violation::Violation;
use afterlife_sim::Control;
use afterlife_sim::event::{Event, NodeId, What};

/// The invariants of one run, with their violations.
pub(super) struct Judge {
    invariants: Vec<Box<dyn Monitor>>,
    subscriptions: Subscriptions,
    terms: Terms,
    violations: Vec<Violation>,
    /// The leaks of services; `None` if *nothing-left* is off.
    leaks: Option<Vec<ServiceLeak>>,
    /// The known issues that the run met.
    passed_over: PassedOver,
    /// The stacks at the first violation: a title and a call site each.
    stacks: Vec<(String, u32)>,
}

/// The findings of a judge at the end of a run.
pub(super) struct Findings {
    pub(super) violations: Vec<Violation>,
    pub(super) leaks: Vec<ServiceLeak>,
    pub(super) stacks: Vec<(String, u32)>,
}

impl Judge {
    pub(super) fn new(terms: Terms, setup: Setup) -> Self {
        Self {
            invariants: invariant::all(&terms, setup),
            subscriptions: Subscriptions::new(),
            violations: Vec::new(),
            leaks: (!terms.is_off(nothing_left::ID)).then(Vec::new),
            passed_over: PassedOver::default(),
            stacks: Vec::new(),
            terms,
        }
    }

    pub(super) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Returns whether all invariants hold so far.
    pub(super) fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// The subscribers to this kind of event: invariants by number, and the observer, which is asked once per kind.
    #[inline]
    pub(super) fn subscribers(&self, what: &What, observer: impl FnOnce() -> bool) -> Subscribers {
        self.subscriptions.of(what, self.invariants.len(), |number| self.invariants[number].wants(what), observer)
    }

    /// Records a violation. Returns `false` if it does not count: its invariant is off, or it is a known issue.
    pub(super) fn note(&mut self, violation: Violation) -> bool {
        let counts = self.terms.counts(&violation);
        if counts {
            self.violations.push(violation);
        }
        counts
    }

    /// Passes an event to the invariants among its subscribers. Returns whether one is violated.
    pub(super) fn event(&mut self, event: &Event, subscribers: Subscribers, control: &mut Control<'_>) -> bool {
        let mut broke = false;
        for number in subscribers.numbers() {
            if let Some(violation) = self.invariants[number].event(event, &*control) {
                if !self.terms.counts(&violation) {
                    self.passed_over.note(event);
                    continue;
                }
                if self.passed_over.leads_to(event, &violation) {
                    continue;
                }
                if self.violations.is_empty() {
                    self.stacks = stacks(event, &violation, control);
                }
                broke |= self.note(violation);
            }
        }
        broke
    }

    /// Records the leaks of a service that ended normally, on request or by itself.
    pub(super) fn note_leaks(&mut self, event: &Event, control: &mut Control<'_>) {
        let Some(noted) = &mut self.leaks else { return };
        let node = control.node_name(event.node).to_owned();
        let leaks = control.report_leaks(event.node, event.seq).into_iter();
        noted.extend(leaks.map(|(at, kind, place, what)| ServiceLeak {
            node: node.clone(),
            at,
            ended: event.seq,
            kind,
            what,
            place,
        }));
    }

    pub(super) fn into_findings(self) -> Findings {
        Findings { violations: self.violations, leaks: self.leaks.unwrap_or_default(), stacks: self.stacks }
    }
}

/// The stacks at a violation, by the event that caused it.
fn stacks(event: &Event, violation: &Violation, control: &mut Control<'_>) -> Vec<(String, u32)> {
    match event.what {
        What::BadDescriptor { fd, .. } => {
            let Some((opened, closed)) = control.closed_descriptor(event.node, fd) else { return Vec::new() };
            vec![("used".to_owned(), control.call_site()), ("closed".to_owned(), closed), ("opened".to_owned(), opened)]
        }
        What::Quiescent => {
            let node = (0..control.nodes()).map(NodeId).find(|node| control.node_name(*node) == violation.subject);
            node.map(|node| control.stacks(node)).unwrap_or_default()
        }
        What::Spun { .. } => vec![("going round".to_owned(), control.call_site())],
        _ => Vec::new(),
    }
}
