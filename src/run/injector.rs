//! Carries out a plan: decides when each injection strikes and when a lasting fault is lifted.
//! It makes no random choices.

use super::alarms::Alarm;
use crate::fault::{self, Active, Edge, Injection, Plan, Trigger, edge_of, incarnation_of};
use afterlife_sim::Control;
use afterlife_sim::event::{Event, NodeId, What};
use std::ops::Range;

/// A lasting fault that is in force.
struct InForce {
    index: usize,
    /// The incarnation that its victim was in when the fault struck.
    incarnation: u16,
}

/// The plan of a run, and its progress.
pub(super) struct Injector {
    plan: Plan,
    /// The window in which faults may strike.
    window_ns: Range<u64>,
    /// True if some injection waits for an edge of a lifetime.
    aims: bool,
    /// For each injection: it has struck or was given up.
    done: Vec<bool>,
    /// The number of times that each injection's edge was passed.
    passed: Vec<u32>,
    in_force: Vec<InForce>,
}

impl Injector {
    pub(super) fn new(plan: Plan, window_ns: Range<u64>) -> Self {
        let aims = plan
            .injections
            .iter()
            .any(|injection| matches!(injection.trigger, Trigger::On { .. }) || injection.fault.lifted_at().is_some());
        let injections = plan.injections.len();
        Self { plan, window_ns, aims, done: vec![false; injections], passed: vec![0; injections], in_force: Vec::new() }
    }

    /// The nodes that each injection strikes.
    pub(super) fn strikes(&self) -> Vec<Vec<NodeId>> {
        self.plan.injections.iter().map(|injection| injection.fault.targets()).collect()
    }

    /// Returns whether the plan is empty.
    pub(super) fn is_idle(&self) -> bool {
        self.plan.injections.is_empty()
    }

    /// Returns whether an injection has not struck yet.
    pub(super) fn is_pending(&self) -> bool {
        self.done.iter().any(|done| !done)
    }

    /// Returns whether every injection has struck and no lasting fault is in force.
    pub(super) fn is_over(&self) -> bool {
        !self.is_pending() && self.in_force.is_empty()
    }

    /// Returns whether an event of this kind may be an edge that an injection waits for.
    pub(super) fn wants(&self, what: &What) -> bool {
        self.aims && edge_of(what).is_some()
    }

    /// Sets the alarms of the injections that strike at a time.
    pub(super) fn begin(&self, control: &mut Control<'_>) {
        if self.aims {
            control.set_alarm(self.window_ns.end, Alarm::Quiet.token());
        }
        for (index, injection) in self.plan.injections.iter().enumerate() {
            if let Trigger::At { time_ns } = injection.trigger {
                control.set_alarm(time_ns.saturating_sub(control.now_ns()), Alarm::Strike(index).token());
            }
        }
    }

    /// The holds that end because this event is the edge that they wait for, passed by another thread.
    pub(super) fn ended_holds(&self, event: &Event, control: &Control<'_>) -> Vec<usize> {
        let Some(edge) = edge_of(&event.what).filter(|_| self.aims) else { return Vec::new() };
        let ends = |index: &usize| {
            self.plan.injections[*index].fault.lifted_at().is_some_and(|(node, words)| {
                node == event.node
                    && edge.is(words, |name| control.text(name))
                    && control.held_thread(*index as u32) != Some(event.thread)
            })
        };
        self.in_force.iter().map(|fault| fault.index).filter(ends).collect()
    }

    /// Counts this event if it is an edge. Returns the injections that it triggers, each with its delay in nanoseconds.
    pub(super) fn triggered(&mut self, event: &Event, control: &Control<'_>) -> Vec<(usize, u64)> {
        let Some(edge) = edge_of(&event.what).filter(|_| self.aims) else { return Vec::new() };
        // Edges before the window do not count, since nothing strikes there: these are mostly the first starts of all nodes.
        if control.now_ns() < self.window_ns.start {
            return Vec::new();
        }
        let awaited: Vec<(usize, (u32, u64))> = (self.plan.injections.iter().enumerate())
            .filter_map(|(index, injection)| Some((index, awaits(injection, edge, event, control)?)))
            .collect();
        let mut triggered = Vec::new();
        for (index, (nth, after_ns)) in awaited {
            self.passed[index] += 1;
            if self.passed[index] == nth {
                triggered.push((index, after_ns));
            }
        }
        triggered
    }

    /// Lets an injection strike. Returns `false` if it was given up or has struck already.
    pub(super) fn strike(&mut self, index: usize, control: &mut Control<'_>) -> bool {
        if std::mem::replace(&mut self.done[index], true) {
            return false;
        }
        let fault = &self.plan.injections[index].fault;
        if let Some(for_ns) = fault::strike(fault, index as u32, &self.lasting(), control) {
            let incarnation = incarnation_of(fault, control);
            self.in_force.push(InForce { index, incarnation });
            control.set_alarm(for_ns, Alarm::Lift(index).token());
        }
        true
    }

    /// Lifts a lasting fault. Returns `false` if it was not in force.
    pub(super) fn lift(&mut self, index: usize, control: &mut Control<'_>) -> bool {
        let Some(position) = self.in_force.iter().position(|fault| fault.index == index) else { return false };
        let over = self.in_force.remove(position);
        fault::lift(self.as_lasting(&over), &self.lasting(), control);
        true
    }

    /// Gives up the injections that still wait for an edge.
    pub(super) fn give_up_aiming(&mut self) {
        for (injection, done) in self.plan.injections.iter().zip(&mut self.done) {
            *done |= matches!(injection.trigger, Trigger::On { .. });
        }
    }

    fn lasting(&self) -> Vec<Active<'_>> {
        self.in_force.iter().map(|fault| self.as_lasting(fault)).collect()
    }

    fn as_lasting(&self, fault: &InForce) -> Active<'_> {
        let InForce { index, incarnation } = *fault;
        Active { fault: &self.plan.injections[index].fault, injection: index as u32, incarnation }
    }
}

/// The occurrence of the edge that an injection waits for, and its delay after it; `None` if it does not wait for this edge.
fn awaits(injection: &Injection, edge: Edge, event: &Event, control: &Control<'_>) -> Option<(u32, u64)> {
    match &injection.trigger {
        Trigger::On { edge: words, node, nth, after_ns } if *node == event.node => {
            edge.is(words, |name| control.text(name)).then_some((*nth, *after_ns))
        }
        _ => None,
    }
}
