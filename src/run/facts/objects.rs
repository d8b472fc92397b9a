//! Maps the names and numbers that a program gives its objects to the numbers of a run or an audit.
//! If the program gives no numbers, a name means its latest object.

use super::log_fact::LogFact;
use afterlife_probe::{Begins, Fact, Parts};
use afterlife_sim::event::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// A program's own name for an object, on a node, in one of its incarnations.
type Key = (NodeId, u16, String);

/// The objects that programs have named.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    /// By the number or text that the program gives, after a `#`.
    called: BTreeMap<Key, u64>,
    /// The latest of each name.
    latest: BTreeMap<Key, u64>,
    /// The objects that are declared and not open yet.
    declared: BTreeSet<u64>,
}

impl Objects {
    /// Reports a fact of a node in one of its incarnations through `report`, which returns the number of the object or part that
    /// begins. Returns `false` if the kind of fact is unknown.
    pub(crate) fn report(
        &mut self,
        (node, incarnation): (NodeId, u16),
        stated: &LogFact,
        report: impl FnOnce(&Fact<'_>) -> u64,
    ) -> bool {
        let key = |text: String| (node, incarnation, text);
        let called = |called: &Option<String>| called.as_ref().map(|number| key(format!("#{number}")));
        let by_name = key(stated.name.clone());
        let known = |number: &Option<String>| called(number).and_then(|key| self.called.get(&key).copied());
        let mut object = known(&stated.object).or_else(|| self.latest.get(&by_name).copied()).unwrap_or(0);
        let part = known(&stated.part).unwrap_or(0);
        if stated.kind == "opened" && !self.declared.remove(&object) {
            object = 0; // the same number or name again: the next generation
        }
        let text = stated.text.as_deref().unwrap_or_default();
        let text = format_args!("{text}");
        let has_text = !(stated.kind == "used" && stated.text.as_deref().is_none_or(str::is_empty));
        let parts = Parts {
            kind: &stated.kind,
            name: &stated.name,
            object,
            part,
            value: stated.value,
            text: has_text.then_some(text),
        };
        let Ok(fact) = Fact::try_from(parts) else { return false };
        let number = report(&fact);
        match fact.begins() {
            Begins::Nothing => {}
            Begins::Object => {
                self.latest.insert(by_name, number);
                if let Some(key) = called(&stated.object) {
                    self.called.insert(key, number);
                }
                if stated.kind == "declared" {
                    self.declared.insert(number);
                }
            }
            Begins::Part => {
                if let Some(key) = called(&stated.part) {
                    self.called.insert(key, number);
                }
            }
        }
        true
    }
}
