//! *own-entry-only*: code removes its own registry entries, not those that another has made under the same key since. Removing an
//! entry that is gone is harmless.

use super::contract::{Facts, Monitor};
use super::site::file_of;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, NodeId, ProbeEvent, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "own-entry-only";

/// A key of a registry on a node.
type Key = (NodeId, Name, Name);

/// The entry under each key.
#[derive(Default)]
pub(super) struct OwnEntryOnly {
    entries: BTreeMap<u32, Key>,
    under: BTreeMap<Key, (u32, Seq, Name)>,
}

impl Monitor for OwnEntryOnly {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(what, What::Probe { step: ProbeEvent::EntryMade | ProbeEvent::EntryRemoved, .. } | What::Exited { .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        match event.what {
            What::Exited { .. } => {
                // A registry lives in its process.
                self.entries.retain(|_, key| key.0 != event.node);
                self.under.retain(|key, _| key.0 != event.node);
                None
            }
            What::Probe { step: ProbeEvent::EntryMade, name, object, number, site } => {
                let key = (event.node, name, Name::from_number(number));
                self.entries.insert(object, key);
                self.under.insert(key, (object, event.seq, site));
                None
            }
            What::Probe { name, object, number, site, .. } => {
                // Code that made no entry names the key whose entry it removes.
                let own = self.entries.get(&object).copied();
                let key = own.or_else(|| (number != 0).then_some((event.node, name, Name::from_number(number))))?;
                let (present, made, made_site) = self.under.remove(&key)?;
                if present == object {
                    return None;
                }
                let (registry, key) = (facts.text(key.1), facts.text(key.2));
                let when = if own.is_some() {
                    format!("when it removed its own under {key}")
                } else {
                    format!("under {key}, where it had made none")
                };
                Some(Violation {
                    invariant: ID.to_owned(),
                    class: registry.to_owned(),
                    sites: vec![file_of(facts.text(site)), file_of(facts.text(made_site))],
                    subject: format!("{registry} {key}"),
                    sentence: format!("{} removed another's entry from {registry} {when}", facts.node(event.node)),
                    at: event.seq,
                    turning: vec![made],
                    origins: Vec::new(),
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    #[test]
    fn removing_a_later_entry_of_another_breaks_it() {
        let mut script = Script::new();
        script.keyed(ProbeEvent::EntryMade, "queries", 1, "q7").keyed(ProbeEvent::EntryMade, "queries", 2, "q7");
        script.probe(ProbeEvent::EntryRemoved, "queries", 1, 0);
        let [violation] = &run(OwnEntryOnly::default(), script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 removed another's entry from queries when it removed its own under q7");
    }

    #[test]
    fn removing_an_entry_without_having_made_one_breaks_it() {
        let mut script = Script::new();
        script.keyed(ProbeEvent::EntryMade, "queries", 1, "q7").keyed(ProbeEvent::EntryRemoved, "queries", 0, "q8");
        script.keyed(ProbeEvent::EntryRemoved, "queries", 0, "q7").keyed(ProbeEvent::EntryRemoved, "queries", 0, "q7");
        let [violation] = &run(OwnEntryOnly::default(), script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 removed another's entry from queries under q7, where it had made none");
    }

    #[test]
    fn removing_an_own_entry_or_one_that_is_gone_keeps_it() {
        let mut script = Script::new();
        script.keyed(ProbeEvent::EntryMade, "queries", 1, "q7").probe(ProbeEvent::EntryRemoved, "queries", 1, 0);
        script.probe(ProbeEvent::EntryRemoved, "queries", 1, 0);
        script.keyed(ProbeEvent::EntryMade, "queries", 2, "q8").probe(ProbeEvent::EntryRemoved, "queries", 2, 0);
        assert_eq!(run(OwnEntryOnly::default(), script), []);
    }
}
