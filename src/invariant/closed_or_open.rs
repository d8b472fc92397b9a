//! *closed-or-open*: after a caught panic, an object that was being opened is closed or fully open. A panic that ends the process
//! leaves nothing half open; one that a handler or a task boundary catches may.

use super::contract::{Facts, Monitor};
use super::site::file_of;
use crate::model::duration::span;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, NodeId, ProbeEvent, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "closed-or-open";

/// The default time that unwinding may take until the object must be closed.
const UNWINDING_NS: u64 = 1_000_000;

/// The opener: a task, or a thread that runs none. A task may continue on another thread, and another task on this one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opener {
    Task(u64),
    Thread(u32),
}

impl Opener {
    fn of(event: &Event) -> Self {
        if event.task > 0 { Self::Task(event.task) } else { Self::Thread(event.thread) }
    }
}

struct Opening {
    node: NodeId,
    opener: Opener,
    name: Name,
    site: Name,
}

/// The objects that are being opened.
pub(super) struct ClosedOrOpen {
    unwinding_ns: u64,
    opening: BTreeMap<u32, Opening>,
    /// The objects that a panic may have left half open, with the moment of the panic.
    suspects: BTreeMap<u32, (Seq, u64)>,
}

impl ClosedOrOpen {
    /// With this bound for unwinding.
    pub(super) fn within(unwinding_ns: Option<u64>) -> Self {
        let unwinding_ns = unwinding_ns.unwrap_or(UNWINDING_NS);
        Self { unwinding_ns, opening: BTreeMap::new(), suspects: BTreeMap::new() }
    }
}

impl Monitor for ClosedOrOpen {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(
            what,
            What::ResourceOpened { .. }
                | What::ResourceClosed { .. }
                | What::ResourceUsed { .. }
                | What::Probe { .. }
                | What::Panicked { .. }
                | What::Exited { .. }
                | What::Accepted { .. }
                | What::Quiescent
        )
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        match event.what {
            What::Probe { step: ProbeEvent::Opening, name, object, site, .. } => {
                self.opening.insert(object, Opening { node: event.node, opener: Opener::of(event), name, site });
                self.suspects.remove(&object);
            }
            What::ResourceOpened { object, .. } | What::ResourceClosed { object, .. } => {
                self.opening.remove(&object);
                self.suspects.remove(&object);
            }
            What::Panicked { .. } => {
                let here = |opening: &Opening| (opening.node, opening.opener) == (event.node, Opener::of(event));
                for (object, _) in self.opening.iter().filter(|(_, opening)| here(opening)) {
                    self.suspects.entry(*object).or_insert((event.seq, event.time_ns));
                }
            }
            What::Exited { .. } => {
                self.opening.retain(|_, opening| opening.node != event.node);
                self.suspects.retain(|object, _| self.opening.contains_key(object));
            }
            _ => {}
        }
        let over =
            |time_ns: u64| event.what == What::Quiescent || event.time_ns.saturating_sub(time_ns) >= self.unwinding_ns;
        let (object, (seq, time_ns)) =
            self.suspects.iter().find(|(_, (_, time_ns))| over(*time_ns)).map(|(object, panic)| (*object, *panic))?;
        self.suspects.remove(&object);
        let opening = self.opening.remove(&object)?;
        let (name, node) = (facts.text(opening.name), facts.node(opening.node));
        Some(Violation {
            invariant: ID.to_owned(),
            class: name.to_owned(),
            sites: vec![file_of(facts.text(opening.site))],
            subject: name.to_owned(),
            sentence: format!(
                "{name} of {node} is neither closed nor open {} after a panic that was caught",
                span(event.time_ns - time_ns)
            ),
            at: event.seq,
            turning: vec![seq],
            origins: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;
    use afterlife_sim::event::Death;

    fn half_open() -> Script {
        let mut script = Script::new();
        script.probe(ProbeEvent::Declared, "engine", 1, 0).probe(ProbeEvent::Opening, "engine", 1, 0);
        script.panicked("no map", "src/engine.rs:223");
        script
    }

    #[test]
    fn an_object_that_a_caught_panic_leaves_half_open_breaks_it() {
        let mut script = half_open();
        script.after_ns(2_000_000).quiescent();
        let [violation] = &run(ClosedOrOpen::within(None), script)[..] else { panic!("one violation") };
        assert_eq!(
            violation.sentence,
            "engine of node-0 is neither closed nor open 2 ms after a panic that was caught"
        );
    }

    #[test]
    fn an_object_that_is_closed_during_unwinding_keeps_it() {
        let mut script = half_open();
        script.after_ns(10_000).closed("engine", 1).after_ns(2_000_000).quiescent();
        assert_eq!(run(ClosedOrOpen::within(None), script), []);
    }

    #[test]
    fn a_panic_of_another_task_on_the_same_thread_does_not_count() {
        let mut script = Script::new();
        script.by_task(7).probe(ProbeEvent::Declared, "engine", 1, 0).probe(ProbeEvent::Opening, "engine", 1, 0);
        script.by_task(8).panicked("unrelated", "src/other.rs:1");
        script.after_ns(50_000_000).by_task(7).open("engine", 1).quiescent();
        assert_eq!(run(ClosedOrOpen::within(None), script), []);
    }

    #[test]
    fn an_object_that_is_opened_again_after_the_panic_keeps_it() {
        let mut script = half_open();
        script
            .after_ns(10_000)
            .probe(ProbeEvent::Opening, "engine", 1, 0)
            .after_ns(2_000_000)
            .open("engine", 1)
            .quiescent();
        assert_eq!(run(ClosedOrOpen::within(None), script), []);
    }

    #[test]
    fn a_scenario_sets_the_time_for_unwinding() {
        let mut script = half_open();
        script.after_ns(2_000_000).used("engine", 2, "").closed("engine", 1);
        assert_eq!(run(ClosedOrOpen::within(Some(3_000_000)), script), []);
    }

    #[test]
    fn a_panic_that_ends_the_process_does_not_count() {
        let mut script = half_open();
        script.exited(Death::Panic).after_ns(2_000_000).quiescent();
        assert_eq!(run(ClosedOrOpen::within(None), script), []);
    }
}
