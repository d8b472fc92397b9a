//! Claims on the recorded events: every invariant that needs nothing but probe events.

use crate::invariant::{self, Facts, Setup, Terms};
use crate::model::violation::Violation;
use crate::run::request::Record;
use afterlife_sim::event::{Name, NodeId};

/// The violations in a record, in the order of their events.
pub(crate) fn judge(record: &Record, terms: &Terms) -> Vec<Violation> {
    let mut invariants = invariant::all(terms, Setup::default());
    let known = Known(record);
    let mut violations = Vec::new();
    for event in &record.events {
        violations.extend(invariant::shown(&mut invariants, event, &known).filter(|violation| terms.counts(violation)));
    }
    violations
}

/// The facts that are known without a virtual kernel.
struct Known<'a>(&'a Record);

impl Facts for Known<'_> {
    fn text(&self, name: Name) -> &str {
        self.0.names.get(name.0 as usize).map_or("", String::as_str)
    }

    fn node(&self, node: NodeId) -> &str {
        self.0.nodes.get(usize::from(node.0)).map_or("the test", String::as_str)
    }
}
