//! From what a program calls its objects to the numbers that a run or an audit gives them.
//! A program that numbers nothing is understood by names: the latest object of a name is meant.

use super::log_fact::LogFact;
use afterlife_probe::{Begins, Fact, Parts};
use afterlife_sim::event::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// An object as a program calls it, on a node, in one of its lives.
type Key = (NodeId, u16, String);

/// What programs call their objects.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    /// By the number or text that the program gives; a `#` stands before it.
    called: BTreeMap<Key, u64>,
    /// The latest of each name.
    latest: BTreeMap<Key, u64>,
    /// Declared, and not open yet.
    declared: BTreeSet<u64>,
}

impl Objects {
    /// Hands over the fact that was spoken on a node in one of its lives; `tell` answers with the number of what begins.
    /// Returns `false` if no fact is of that kind.
    pub(crate) fn tell(
        &mut self,
        (node, life): (NodeId, u16),
        spoken: &LogFact,
        tell: impl FnOnce(&Fact<'_>) -> u64,
    ) -> bool {
        let key = |text: String| (node, life, text);
        let called = |called: &Option<String>| called.as_ref().map(|it| key(format!("#{it}")));
        let by_name = key(spoken.name.clone());
        let known = |it: &Option<String>| called(it).and_then(|key| self.called.get(&key).copied());
        let mut object = known(&spoken.object).or_else(|| self.latest.get(&by_name).copied()).unwrap_or(0);
        let part = known(&spoken.part).unwrap_or(0);
        if spoken.kind == "opened" && !self.declared.remove(&object) {
            object = 0; // the same number or name again: another generation
        }
        let text = spoken.text.as_deref().unwrap_or_default();
        let text = format_args!("{text}");
        let said = !(spoken.kind == "used" && spoken.text.as_deref().is_none_or(str::is_empty));
        let parts = Parts {
            kind: &spoken.kind,
            name: &spoken.name,
            object,
            part,
            value: spoken.value,
            text: said.then_some(text),
        };
        let Ok(fact) = Fact::try_from(parts) else { return false };
        let answer = tell(&fact);
        match fact.begins() {
            Begins::Nothing => {}
            Begins::Object => {
                self.latest.insert(by_name, answer);
                if let Some(key) = called(&spoken.object) {
                    self.called.insert(key, answer);
                }
                if spoken.kind == "declared" {
                    self.declared.insert(answer);
                }
            }
            Begins::Part => {
                if let Some(key) = called(&spoken.part) {
                    self.called.insert(key, answer);
                }
            }
        }
        true
    }
}
