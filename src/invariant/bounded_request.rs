//! *bounded-request*: a single allocation stays below its bound, and a path below the limit of the system. A length that was read
//! from freed or foreign bytes is usually absurd, and a legitimate one is not. A program that allocates more on purpose raises the
//! bound with `Sim::bound`.

use super::contract::{Facts, Monitor};
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, What};

pub(super) const ID: &str = "bounded-request";

/// Stateless: the kernel knows the bounds, and reports only requests beyond them.
pub(super) struct BoundedRequest;

impl Monitor for BoundedRequest {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(what, What::Allocated { .. } | What::LongPath { .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let node = facts.node(event.node);
        let (class, sentence) = match event.what {
            What::Allocated { bytes } => ("allocation", format!("{node} allocated {bytes} bytes at once")),
            What::LongPath { bytes } => {
                ("path", format!("{node} passed a path of {bytes} bytes, beyond the limits of the system"))
            }
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
            origins: Vec::new(),
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
        let shown: Vec<String> =
            violations.iter().map(|violation| format!("{}: {}", violation.signature(), violation.sentence)).collect();
        assert_eq!(
            shown,
            [
                "bounded-request · allocation: node-0 allocated 1099511627776 bytes at once",
                "bounded-request · path: node-0 passed a path of 70000 bytes, beyond the limits of the system",
            ]
        );
    }

    #[test]
    fn the_total_of_a_process_is_not_a_request() {
        let mut script = Script::new();
        script.happens(What::MemoryUsed { live: 1 << 40, peak: 1 << 40 });
        assert_eq!(run(BoundedRequest, script), []);
    }
}
