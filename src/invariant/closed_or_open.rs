//! After a panic that somebody caught, what was being opened is closed or fully open.
//! A panic that ends the process leaves nothing half open; one that a handler or a task boundary catches may.

use super::{Facts, Invariant, place};
use crate::fault::span;
use crate::finding::Violation;
use afterlife_sim::event::{Event, Name, NodeId, Seq, Step, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "closed-or-open";

/// How long unwinding may take until the object must be closed.
const UNWINDING_NS: u64 = 1_000_000;

struct Opening {
    node: NodeId,
    thread: u32,
    name: Name,
    site: Name,
    panicked: Option<(Seq, u64)>,
}

/// Follows what is being opened.
#[derive(Default)]
pub(super) struct ClosedOrOpen {
    opening: BTreeMap<u32, Opening>,
}

impl Invariant for ClosedOrOpen {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(
            what,
            What::ResourceOpened { .. }
                | What::ResourceClosed { .. }
                | What::ResourceUsed { .. }
                | What::Told { .. }
                | What::Panicked { .. }
                | What::Exited { .. }
                | What::Accepted { .. }
                | What::Quiescent
        )
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        match event.what {
            What::Told { step: Step::Opening, name, object, site, .. } => {
                let (node, thread) = (event.node, event.thread);
                self.opening.insert(object, Opening { node, thread, name, site, panicked: None });
            }
            What::ResourceOpened { object, .. } | What::ResourceClosed { object, .. } => {
                self.opening.remove(&object);
            }
            What::Panicked { .. } => {
                let here = |it: &&mut Opening| (it.node, it.thread) == (event.node, event.thread);
                for it in self.opening.values_mut().filter(here) {
                    it.panicked.get_or_insert((event.seq, event.time_ns));
                }
            }
            What::Exited { .. } => self.opening.retain(|_, it| it.node != event.node),
            _ => {}
        }
        let half_open = |it: &Opening| {
            it.panicked.is_some_and(|(_, time_ns)| {
                event.what == What::Quiescent || event.time_ns.saturating_sub(time_ns) >= UNWINDING_NS
            })
        };
        let object = *self.opening.iter().find(|(_, it)| half_open(it))?.0;
        let it = self.opening.remove(&object)?;
        let (seq, time_ns) = it.panicked?;
        let (name, node) = (facts.text(it.name), facts.node(it.node));
        Some(Violation {
            invariant: ID.to_owned(),
            class: name.to_owned(),
            sites: vec![place(facts.text(it.site))],
            subject: name.to_owned(),
            sentence: format!(
                "{name} of {node} is neither closed nor open {} after a panic that was caught",
                span(event.time_ns - time_ns)
            ),
            at: event.seq,
            turning: vec![seq],
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
        script.told(Step::Declared, "engine", 1, 0).told(Step::Opening, "engine", 1, 0);
        script.panicked("no map", "src/engine.rs:223");
        script
    }

    #[test]
    fn an_object_that_a_caught_panic_leaves_half_open_breaks_it() {
        let mut script = half_open();
        script.after_ns(2_000_000).quiescent();
        let [violation] = &run(ClosedOrOpen::default(), script)[..] else { panic!("one violation") };
        assert_eq!(
            violation.sentence,
            "engine of node-0 is neither closed nor open 2 ms after a panic that was caught"
        );
    }

    #[test]
    fn one_that_is_closed_on_the_way_out_does_not() {
        let mut script = half_open();
        script.after_ns(10_000).closed("engine", 1).after_ns(2_000_000).quiescent();
        assert_eq!(run(ClosedOrOpen::default(), script), []);
    }

    #[test]
    fn a_panic_that_ends_the_process_does_not() {
        let mut script = half_open();
        script.exited(Death::Panic).after_ns(2_000_000).quiescent();
        assert_eq!(run(ClosedOrOpen::default(), script), []);
    }
}
