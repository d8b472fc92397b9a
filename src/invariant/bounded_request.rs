//! No request is out of all proportion: a single allocation stays under its bound, a path under what the system takes.
//! It is on everywhere: a length that was read from freed or foreign bytes is mostly absurd, and honest ones are not. A program
//! that is meant to ask for more says so with `Sim::bound`.

use super::contract::{Facts, Invariant};
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, What};

pub(super) const ID: &str = "bounded-request";

/// Needs no state: the room knows the bounds, and tells only of what is beyond them.
pub(super) struct BoundedRequest;

impl Invariant for BoundedRequest {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(what, What::Allocated { .. } | What::LongPath { .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let node = facts.node(event.node);
        let (class, sentence) = match event.what {
            What::Allocated { bytes } => ("allocation", format!("{node} asked for {bytes} bytes of memory at once")),
            What::LongPath { bytes } => (
                "path",
                format!("{node} named a path of {bytes} bytes, longer in whole or in part than the system takes"),
            ),
            _ => return None,
        };
        Some(Violation {
            invariant: ID.to_owned(),
            class: class.to_owned(),
            sites: Vec::new(),
            subject: format!("{class} on {node}"),
            sentence,
            at: event.seq,
            turning: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    #[test]
    fn an_absurd_allocation_and_an_absurd_path_break_it() {
        let mut script = Script::new();
        script.happens(What::Allocated { bytes: 1 << 40 }).happens(What::LongPath { bytes: 70_000 });
        let violations = run(BoundedRequest, script);
        let said: Vec<String> = violations.iter().map(|it| format!("{}: {}", it.signature(), it.sentence)).collect();
        assert_eq!(
            said,
            [
                "bounded-request · allocation: node-0 asked for 1099511627776 bytes of memory at once",
                "bounded-request · path: node-0 named a path of 70000 bytes, longer in whole or in part than the system takes",
            ]
        );
    }

    #[test]
    fn what_a_process_had_in_all_is_no_request() {
        let mut script = Script::new();
        script.happens(What::MemoryUsed { live: 1 << 40, peak: 1 << 40 });
        assert_eq!(run(BoundedRequest, script), []);
    }
}
