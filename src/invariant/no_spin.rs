//! Nobody goes round: a process to which nothing comes does a bounded number of things in a virtual second.
//! What is bounded is what moves nothing; work that moves something may take as long as it likes.

use super::contract::{Facts, Invariant};
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, What};

pub(super) const ID: &str = "no-spin";

/// Needs no state: the room counts.
pub(super) struct NoSpin;

impl Invariant for NoSpin {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(what, What::Spun { .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let What::Spun { calls } = event.what else { return None };
        let node = facts.node(event.node);
        Some(Violation {
            invariant: ID.to_owned(),
            class: "no progress".to_owned(),
            // Where it goes round is known where there are symbols.
            sites: Vec::new(),
            subject: node.to_owned(),
            sentence: format!(
                "{node} went round without progress: {calls} calls of the system within a virtual second moved nothing, and \
                 nothing reached it"
            ),
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
    fn a_process_that_goes_round_breaks_it() {
        let mut script = Script::new();
        script.spun(100_000);
        let [violation] = &run(NoSpin, script)[..] else { panic!("one violation") };
        assert_eq!(violation.signature().to_string(), "no-spin · no progress");
        assert_eq!(
            violation.sentence,
            "node-0 went round without progress: 100000 calls of the system within a virtual second moved nothing, and \
             nothing reached it"
        );
    }

    #[test]
    fn one_that_idles_does_not() {
        let mut script = Script::new();
        script.quiescent();
        assert_eq!(run(NoSpin, script), []);
    }
}
