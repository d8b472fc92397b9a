//! Claims on what was heard: every invariant that needs nothing but what programs say.
//! It tells nobody; what the room alone would know, nobody knows here.

use crate::invariant::{self, Facts, Setup, Terms};
use crate::model::violation::Violation;
use crate::run::request::Record;
use afterlife_sim::event::{Name, NodeId};

/// The violations in a record, in the order in which they broke.
pub(crate) fn judge(record: &Record, terms: &Terms) -> Vec<Violation> {
    let mut invariants = invariant::all(terms, Setup::default());
    let known = Known(record);
    let mut violations = Vec::new();
    for event in &record.events {
        violations.extend(invariant::shown(&mut invariants, event, &known));
    }
    violations
}

/// What can be looked up where no room is.
struct Known<'a>(&'a Record);

impl Facts for Known<'_> {
    fn text(&self, name: Name) -> &str {
        self.0.names.get(name.0 as usize).map_or("", String::as_str)
    }

    fn node(&self, node: NodeId) -> &str {
        self.0.nodes.get(usize::from(node.0)).map_or("the test", String::as_str)
    }
}
