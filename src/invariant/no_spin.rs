//! *no-spin*: a process that nothing reaches makes a bounded number of calls in a virtual second. Only calls without effect count,
//! so work may take as long as it likes.

use super::contract::{Facts, Monitor};
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, What};

pub(super) const ID: &str = "no-spin";

/// Stateless: the kernel counts.
pub(super) struct NoSpin;

impl Monitor for NoSpin {
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
            // The call site is added where there are symbols.
            sites: Vec::new(),
            subject: node.to_owned(),
            sentence: format!(
                "{node} spins: {calls} calls within a virtual second had no effect, and nothing reached the process"
            ),
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
    fn a_process_that_spins_breaks_it() {
        let mut script = Script::new();
        script.spun(100_000);
        let [violation] = &run(NoSpin, script)[..] else { panic!("one violation") };
        assert_eq!(violation.signature().to_string(), "no-spin · no progress");
        assert_eq!(
            violation.sentence,
            "node-0 spins: 100000 calls within a virtual second had no effect, and nothing reached the process"
        );
    }

    #[test]
    fn an_idle_process_keeps_it() {
        let mut script = Script::new();
        script.quiescent();
        assert_eq!(run(NoSpin, script), []);
    }
}
