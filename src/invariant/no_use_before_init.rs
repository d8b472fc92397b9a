//! *no-use-before-init*: no resource is used before it is open. Tearing down a resource that was never opened counts as a use. A
//! resource that is created open (`Resource::open`) cannot break it; one that is declared first can.

use super::contract::{Facts, Monitor};
use super::site::file_of;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, ProbeEvent, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "no-use-before-init";

struct Declared {
    seq: Seq,
    site: Name,
    opening: bool,
}

/// The resources that are declared and not open.
#[derive(Default)]
pub(super) struct NoUseBeforeInit {
    declared: BTreeMap<u32, Declared>,
}

impl Monitor for NoUseBeforeInit {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(
            what,
            What::Probe { step: ProbeEvent::Declared | ProbeEvent::Opening | ProbeEvent::Borrowed, .. }
                | What::ResourceOpened { .. }
                | What::ResourceUsed { .. }
                | What::ResourceClosed { .. }
        )
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let (name, object, site, verb) = match event.what {
            What::Probe { step: ProbeEvent::Declared, object, site, .. } => {
                self.declared.insert(object, Declared { seq: event.seq, site, opening: false });
                return None;
            }
            What::Probe { step: ProbeEvent::Opening, object, .. } => {
                self.declared.entry(object).and_modify(|declared| declared.opening = true);
                return None;
            }
            What::ResourceOpened { object, .. } => {
                self.declared.remove(&object);
                return None;
            }
            What::ResourceUsed { name, object, site, .. } => (name, object, site, "used"),
            What::Probe { step: ProbeEvent::Borrowed, name, object, site, .. } => (name, object, site, "borrowed"),
            What::ResourceClosed { name, object, site } => (name, object, site, "tore down"),
            _ => return None,
        };
        let declared = self.declared.get(&object)?;
        if verb == "tore down" && declared.opening {
            // A half-open resource is closed by its teardown.
            self.declared.remove(&object);
            return None;
        }
        let when = if declared.opening { "while it was being opened" } else { "before it was opened" };
        let name = facts.text(name);
        Some(Violation {
            invariant: ID.to_owned(),
            class: name.to_owned(),
            sites: vec![file_of(facts.text(site)), file_of(facts.text(declared.site))],
            subject: name.to_owned(),
            sentence: format!("{} {verb} {name} {when}", facts.node(event.node)),
            at: event.seq,
            turning: vec![declared.seq],
            origins: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    fn check(script: Script) -> Vec<Violation> {
        run(NoUseBeforeInit::default(), script)
    }

    #[test]
    fn a_use_before_the_opening_breaks_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::Declared, "cluster", 1, 0).used("cluster", 1, "");
        let [violation] = &check(script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 used cluster before it was opened");
    }

    #[test]
    fn tearing_down_what_was_never_opened_breaks_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::Declared, "http server", 1, 0).closed("http server", 1);
        let [violation] = &check(script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 tore down http server before it was opened");
    }

    #[test]
    fn a_use_while_it_opens_breaks_it() {
        let mut script = Script::new();
        script
            .probe(ProbeEvent::Declared, "cluster", 1, 0)
            .probe(ProbeEvent::Opening, "cluster", 1, 0)
            .used("cluster", 1, "");
        let [violation] = &check(script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 used cluster while it was being opened");
    }

    #[test]
    fn a_use_after_the_opening_and_a_retreat_out_of_it_keep_it() {
        let mut script = Script::new();
        script
            .probe(ProbeEvent::Declared, "cluster", 1, 0)
            .open("cluster", 1)
            .used("cluster", 1, "")
            .closed("cluster", 1);
        script
            .probe(ProbeEvent::Declared, "cluster", 2, 0)
            .probe(ProbeEvent::Opening, "cluster", 2, 0)
            .closed("cluster", 2);
        assert_eq!(check(script), []);
    }
}
