//! *no-silent-panic*: no thread or task panics, whether the panic is caught or not. With `panic = "abort"` a process aborts
//! instead, which other invariants report.

use super::contract::{Facts, Monitor};
use super::deaths::on_one_line;
use super::site::file_of;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, What};

pub(crate) const ID: &str = "no-silent-panic";

/// Stateless: every panic breaks it.
pub(super) struct NoSilentPanic;

impl Monitor for NoSilentPanic {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(what, What::Panicked { .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let What::Panicked { message, site } = event.what else { return None };
        let (message, site) = (facts.text(message), facts.text(site));
        Some(Violation {
            invariant: ID.to_owned(),
            class: "panic".to_owned(),
            sites: vec![file_of(site)],
            subject: site.to_owned(),
            sentence: format!("{} panicked: {}", facts.node(event.node), on_one_line(message)),
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
    fn one_panic_is_one_violation_that_names_its_line() {
        let mut script = Script::new();
        script.panicked("index out of bounds\nnote: more", "src/main.rs:7");
        let [violation] = &run(NoSilentPanic, script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 panicked: index out of bounds; note: more");
        assert_eq!(violation.subject, "src/main.rs:7");
        assert_eq!(violation.sites, ["src/main.rs"]);
    }

    #[test]
    fn both_sides_of_a_failed_assertion_are_reported() {
        let mut script = Script::new();
        script.panicked("assertion `left == right` failed: totals\n  left: 3\n right: 4", "src/main.rs:7");
        let [violation] = &run(NoSilentPanic, script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 panicked: assertion `left == right` failed: totals; left: 3; right: 4");
    }

    #[test]
    fn an_exit_with_a_code_is_not_a_panic() {
        let mut script = Script::new();
        script.exited(afterlife_sim::event::Death::Exit { code: 1 });
        assert_eq!(run(NoSilentPanic, script), []);
    }
}
