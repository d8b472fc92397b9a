//! *no-stale-epoch-effect*: an effect belongs to the current epoch: work that began under an older ballot, term or lease takes no
//! effect. The program decides which epoch is right.

use super::contract::{Facts, Monitor};
use super::site::file_of;
use crate::model::duration::span;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, ProbeEvent, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "no-stale-epoch-effect";

struct Current {
    number: u64,
    seq: Seq,
    time_ns: u64,
    name: Name,
    site: Name,
}

/// The current epoch of each object.
#[derive(Default)]
pub(super) struct NoStaleEpochEffect {
    current: BTreeMap<u32, Current>,
}

impl Monitor for NoStaleEpochEffect {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(what, What::Probe { step: ProbeEvent::Advanced | ProbeEvent::Effect, .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let What::Probe { step, name, object, number, site } = event.what else { return None };
        if step == ProbeEvent::Advanced {
            let current = Current { number, seq: event.seq, time_ns: event.time_ns, name, site };
            self.current.insert(object, current);
            return None;
        }
        let current = self.current.get(&object).filter(|current| current.number != number)?;
        let (what, epoch, node) = (facts.text(name), facts.text(current.name), facts.node(event.node));
        let since = span(event.time_ns - current.time_ns);
        Some(Violation {
            invariant: ID.to_owned(),
            class: format!("{what} under {epoch}"),
            sites: vec![file_of(facts.text(site)), file_of(facts.text(current.site))],
            subject: format!("{epoch} {}", current.number),
            sentence: format!(
                "{what} of {epoch} {number} took effect on {node} {since} after {epoch} {} had begun",
                current.number
            ),
            at: event.seq,
            turning: vec![current.seq],
            origins: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    #[test]
    fn an_effect_of_an_older_epoch_breaks_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::EpochBegan, "ballot", 1, 0).probe(ProbeEvent::Advanced, "ballot", 1, 3);
        script.probe(ProbeEvent::Effect, "download progress", 1, 3).probe(ProbeEvent::Advanced, "ballot", 1, 4);
        script.after_ns(1_400_000).probe(ProbeEvent::Effect, "download progress", 1, 3);
        let [violation] = &run(NoStaleEpochEffect::default(), script)[..] else { panic!("one violation") };
        assert_eq!(
            violation.sentence,
            "download progress of ballot 3 took effect on node-0 1.4 ms after ballot 4 had begun"
        );
    }

    #[test]
    fn an_epoch_is_compared_in_all_of_its_bits() {
        let (old, new) = (5, 5 + (1 << 32));
        let mut script = Script::new();
        script.probe(ProbeEvent::Advanced, "lease", 1, old).probe(ProbeEvent::Advanced, "lease", 1, new);
        script.probe(ProbeEvent::Effect, "write", 1, old);
        let [violation] = &run(NoStaleEpochEffect::default(), script)[..] else { panic!("one violation") };
        assert_eq!(violation.subject, "lease 4294967301");
    }

    #[test]
    fn effects_of_the_current_epoch_and_of_other_objects_keep_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::Advanced, "ballot", 1, 4).probe(ProbeEvent::Advanced, "ballot", 2, 3);
        script.probe(ProbeEvent::Effect, "a", 1, 4).probe(ProbeEvent::Effect, "b", 2, 3).probe(
            ProbeEvent::Effect,
            "c",
            3,
            9,
        );
        assert_eq!(run(NoStaleEpochEffect::default(), script), []);
    }
}
