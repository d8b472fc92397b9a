//! A panic anywhere fails the run, caught or not, in whatever thread or task.
//! It does not see a panic in a process that unwinds nothing (`panic = "abort"`): that one aborts.

use super::contract::{Facts, Invariant};
use super::site::place;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, What};

pub(super) const ID: &str = "no-silent-panic";

/// Needs no state: every panic breaks it.
pub(super) struct NoSilentPanic;

impl Invariant for NoSilentPanic {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(what, What::Panicked { .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let What::Panicked { message, site } = event.what else { return None };
        let (message, site) = (facts.text(message), facts.text(site));
        let first = message.lines().next().unwrap_or_default();
        Some(Violation {
            invariant: ID.to_owned(),
            class: "panic".to_owned(),
            sites: vec![place(site)],
            subject: site.to_owned(),
            sentence: format!("{} panicked: {first}", facts.node(event.node)),
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
    fn one_panic_is_one_violation_that_names_its_line() {
        let mut script = Script::new();
        script.panicked("index out of bounds\nnote: more", "src/main.rs:7");
        let [violation] = &run(NoSilentPanic, script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 panicked: index out of bounds");
        assert_eq!(violation.subject, "src/main.rs:7");
        assert_eq!(violation.sites, ["src/main.rs"]);
    }

    #[test]
    fn an_exit_with_a_code_is_no_panic() {
        let mut script = Script::new();
        script.exited(afterlife_sim::event::Death::Exit { code: 1 });
        assert_eq!(run(NoSilentPanic, script), []);
    }
}
