//! Carries out a plan: decides when each injection strikes and when a lasting fault is lifted.
//! It makes no random choices but one: how soon after a start a fault strikes that waited for it.

use super::alarms::Alarm;
use crate::fault::{
    self, Active, Edge, Effect, Injection, InjectionOutcome, InjectionResult, Miss, Plan, When, after_start_ns,
    edge_of, incarnation_of, lacks_process,
};
use afterlife_sim::Control;
use afterlife_sim::event::{Event, NodeId, What};
use std::ops::Range;

/// A lasting fault that is in force.
struct InForce {
    index: usize,
    /// The incarnation that its victim was in when the fault struck.
    incarnation: u16,
    /// The time at which it is lifted.
    until_ns: u64,
}

/// The progress of one injection.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Progress {
    /// Its time or its edge has not come, or not often enough.
    Waiting,
    /// It strikes after the next start of its victim, which was down at its moment.
    Postponed,
    /// It has struck, has met nothing, or was given up.
    Over(InjectionResult),
}

/// The result of one attempt to strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The fault struck.
    Struck,
    /// The fault met nothing, and the injection is over.
    Missed,
    /// The injection waits for a start, or was over before.
    Nothing,
}

/// The times in which faults may strike, in nanoseconds.
pub(crate) struct Window {
    /// The time in which edges count.
    pub(crate) edges_ns: Range<u64>,
    /// The time until which a fault waits for the restart of its victim.
    pub(crate) postponed_until_ns: u64,
}

/// The plan of a run, and its progress.
pub(super) struct Injector {
    plan: Plan,
    window: Window,
    /// True if some injection waits for an edge of a lifetime.
    aims: bool,
    /// The progress of each injection.
    progress: Vec<Progress>,
    /// The number of times that each injection's edge was passed.
    passed: Vec<u32>,
    in_force: Vec<InForce>,
}

impl Injector {
    pub(super) fn new(plan: Plan, window: Window) -> Self {
        let aims = plan.injections.iter().any(|injection| {
            matches!(injection.trigger.when(), When::On { .. }) || injection.fault.lifted_at().is_some()
        });
        let injections = plan.injections.len();
        let progress = vec![Progress::Waiting; injections];
        Self { plan, window, aims, progress, passed: vec![0; injections], in_force: Vec::new() }
    }

    /// The nodes that each injection strikes.
    pub(super) fn strikes(&self) -> Vec<Vec<NodeId>> {
        self.plan.injections.iter().map(|injection| injection.fault.targets()).collect()
    }

    /// Returns whether the plan is empty.
    pub(super) fn is_idle(&self) -> bool {
        self.plan.injections.is_empty()
    }

    /// Returns whether an injection may still strike.
    pub(super) fn is_pending(&self) -> bool {
        self.progress.iter().any(|progress| !matches!(progress, Progress::Over(_)))
    }

    /// The outcome of each injection so far.
    pub(super) fn outcomes(&self) -> Vec<InjectionOutcome> {
        let outcome = |(injection, progress): (&Injection, &Progress)| InjectionOutcome {
            kind: injection.fault.id().to_owned(),
            result: match progress {
                Progress::Waiting => InjectionResult::NotReached,
                Progress::Postponed => InjectionResult::MetNothing(Miss::DownToTheEnd),
                Progress::Over(result) => result.clone(),
            },
        };
        self.plan.injections.iter().zip(&self.progress).map(outcome).collect()
    }

    /// Returns whether every injection is over and no lasting fault is in force.
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
            control.set_alarm(self.window.edges_ns.end, Alarm::Quiet.token());
        }
        for (index, injection) in self.plan.injections.iter().enumerate() {
            if let When::At { time_ns } = *injection.trigger.when() {
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
        if control.now_ns() < self.window.edges_ns.start {
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

    /// The injections that wait for the start of a process, if this event is that start, each with its delay in nanoseconds.
    pub(super) fn revived(&self, event: &Event, control: &Control<'_>) -> Vec<(usize, u64)> {
        if event.what != What::Started || !self.progress.contains(&Progress::Postponed) {
            return Vec::new();
        }
        let node = control.node_name(event.node);
        let all = self.plan.injections.iter().zip(&self.progress).enumerate();
        all.filter(|(_, (injection, progress))| {
            **progress == Progress::Postponed && injection.fault.victim() == event.node
        })
        .map(|(index, (injection, _))| (index, after_start_ns(control.choices(), &injection.trigger, node)))
        .collect()
    }

    /// Lets an injection strike, unless it is over. A fault that needs a running process waits for the next one if a restart is
    /// due.
    pub(super) fn strike(&mut self, index: usize, control: &mut Control<'_>) -> Attempt {
        if matches!(self.progress[index], Progress::Over(_)) {
            return Attempt::Nothing;
        }
        let fault = &self.plan.injections[index].fault;
        if lacks_process(fault, control) && control.will_restart(fault.victim()) {
            return self.postpone(index, control);
        }
        let effect = fault::strike(fault, index as u32, &self.lasting(), control);
        if let Effect::Nothing(miss) = effect {
            return self.miss(index, miss);
        }
        if let Effect::Lasting(for_ns) = effect {
            let incarnation = incarnation_of(fault, control);
            self.in_force.push(InForce { index, incarnation, until_ns: control.now_ns().saturating_add(for_ns) });
            control.set_alarm(for_ns, Alarm::Lift(index).token());
        }
        self.progress[index] = Progress::Over(InjectionResult::Struck);
        Attempt::Struck
    }

    /// Lets an injection wait for the next start of its victim, if faults may still strike.
    fn postpone(&mut self, index: usize, control: &mut Control<'_>) -> Attempt {
        let now_ns = control.now_ns();
        if now_ns >= self.window.postponed_until_ns {
            return self.miss(index, Miss::DownToTheEnd);
        }
        if std::mem::replace(&mut self.progress[index], Progress::Postponed) == Progress::Waiting {
            control.set_alarm(self.window.postponed_until_ns - now_ns, Alarm::Quiet.token());
        }
        Attempt::Nothing
    }

    fn miss(&mut self, index: usize, miss: Miss) -> Attempt {
        self.progress[index] = Progress::Over(InjectionResult::MetNothing(miss));
        Attempt::Missed
    }

    /// Lifts a lasting fault. Returns `false` if it was not in force.
    pub(super) fn lift(&mut self, index: usize, control: &mut Control<'_>) -> bool {
        let Some(position) = self.in_force.iter().position(|fault| fault.index == index) else { return false };
        let over = self.in_force.remove(position);
        fault::lift(self.as_lasting(&over), &self.lasting(), control);
        true
    }

    /// Gives up the injections whose time is over: those that wait for an edge, and those that wait for a start.
    pub(super) fn close_window(&mut self, now_ns: u64) {
        let edges_are_over = now_ns >= self.window.edges_ns.end;
        let starts_are_over = now_ns >= self.window.postponed_until_ns;
        self.give_up(|_, progress| if *progress == Progress::Postponed { starts_are_over } else { edges_are_over });
    }

    /// Gives up the injections that are aimed at an edge and not over.
    pub(super) fn give_up_aiming(&mut self) {
        self.give_up(|injection, _| matches!(injection.trigger.when(), When::On { .. }));
    }

    fn give_up(&mut self, gives_up: impl Fn(&Injection, &Progress) -> bool) {
        let all = self.plan.injections.iter().zip(&mut self.progress).zip(&self.passed);
        for ((injection, progress), passed) in all {
            let result = match (&*progress, injection.trigger.when()) {
                (Progress::Postponed, _) => InjectionResult::MetNothing(Miss::DownToTheEnd),
                (Progress::Waiting, When::On { edge, node, nth, .. }) if passed < nth => {
                    InjectionResult::EdgeNeverCame { edge: edge.clone(), node: *node, came: *passed }
                }
                (Progress::Waiting, When::On { .. }) => InjectionResult::NotReached,
                (Progress::Waiting, _) | (Progress::Over(_), _) => continue,
            };
            if gives_up(injection, progress) {
                *progress = Progress::Over(result);
            }
        }
    }

    fn lasting(&self) -> Vec<Active<'_>> {
        self.in_force.iter().map(|fault| self.as_lasting(fault)).collect()
    }

    fn as_lasting(&self, fault: &InForce) -> Active<'_> {
        let InForce { index, incarnation, until_ns } = *fault;
        Active { fault: &self.plan.injections[index].fault, injection: index as u32, incarnation, until_ns }
    }
}

/// The occurrence of the edge that an injection waits for, and its delay after it; `None` if it does not wait for this edge.
fn awaits(injection: &Injection, edge: Edge, event: &Event, control: &Control<'_>) -> Option<(u32, u64)> {
    match injection.trigger.when() {
        When::On { edge: words, node, nth, after_ns } if *node == event.node => {
            edge.is(words, |name| control.text(name)).then_some((*nth, *after_ns))
        }
        _ => None,
    }
}
