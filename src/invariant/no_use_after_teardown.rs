//! *no-use-after-teardown*: no resource is used after the teardown of its generation, and no descriptor after its close. Whether
//! the memory was still valid does not matter: in C++ and Go it would not have been.

use super::contract::{Facts, Monitor};
use super::site::file_of;
use crate::model::duration::span;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "no-use-after-teardown";

struct Closed {
    seq: Seq,
    time_ns: u64,
    site: Name,
}

#[derive(Default)]
struct Lifetime {
    generation: u32,
    closed: Option<Closed>,
    used_before: Option<Seq>,
}

/// The resources, by object number.
#[derive(Default)]
pub(super) struct NoUseAfterTeardown {
    lifetimes: BTreeMap<u32, Lifetime>,
}

impl Monitor for NoUseAfterTeardown {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(
            what,
            What::ResourceOpened { .. }
                | What::ResourceUsed { .. }
                | What::ResourceClosed { .. }
                | What::BadDescriptor { .. }
        )
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        match event.what {
            What::ResourceOpened { object, generation, .. } => {
                self.lifetimes.insert(object, Lifetime { generation, ..Lifetime::default() });
                None
            }
            What::ResourceClosed { object, site, .. } => {
                let lifetime = self.lifetimes.entry(object).or_default();
                lifetime.closed.get_or_insert(Closed { seq: event.seq, time_ns: event.time_ns, site });
                None
            }
            What::ResourceUsed { name, object, by, site } => {
                let lifetime = self.lifetimes.entry(object).or_default();
                let Some(closed) = &lifetime.closed else {
                    lifetime.used_before = Some(event.seq);
                    return None;
                };
                let (name, by) = (facts.text(name), facts.text(by));
                let by = if by.is_empty() { String::new() } else { format!(" in {by},") };
                let late = span(event.time_ns - closed.time_ns);
                Some(Violation {
                    invariant: ID.to_owned(),
                    class: name.to_owned(),
                    sites: vec![file_of(facts.text(site)), file_of(facts.text(closed.site))],
                    subject: format!("{name}, generation {}", lifetime.generation),
                    sentence: format!("{} used {name}{by} {late} after it had closed it", facts.node(event.node)),
                    at: event.seq,
                    turning: [closed.seq].into_iter().chain(lifetime.used_before).collect(),
                    origins: Vec::new(),
                })
            }
            // A number that was never open, such as -1, was never closed either.
            What::BadDescriptor { fd, function } if facts.was_closed(event.node, fd) => {
                let (node, function) = (facts.node(event.node), facts.text(function));
                Some(Violation {
                    invariant: ID.to_owned(),
                    class: "descriptor".to_owned(),
                    // The lines of the use, the close and the opening are added where there are symbols.
                    sites: Vec::new(),
                    subject: format!("a descriptor of {node}"),
                    sentence: match function {
                        "close" => format!("{node} closed a descriptor that it had closed already"),
                        function => format!("{node} called `{function}` on a descriptor that it had closed"),
                    },
                    at: event.seq,
                    turning: Vec::new(),
                    origins: Vec::new(),
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    fn check(script: Script) -> Vec<Violation> {
        run(NoUseAfterTeardown::default(), script)
    }

    #[test]
    fn a_use_after_the_close_of_the_same_generation_breaks_it() {
        let mut script = Script::new();
        script.open("db", 1).used("db", 1, "apply 40").closed("db", 1).after_ns(1_400_000).used("db", 1, "apply 41");
        let [violation] = &check(script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 used db in apply 41, 1.4 ms after it had closed it");
        assert_eq!(violation.signature().to_string(), "no-use-after-teardown · db · src/use.rs · src/close.rs");
        assert_eq!(violation.turning, [Seq(2), Seq(1)]);
    }

    #[test]
    fn the_next_generation_may_be_used_after_the_close_of_the_first() {
        let mut script = Script::new();
        script.open("db", 1).closed("db", 1).open("db", 2).used("db", 2, "");
        assert_eq!(check(script), []);
    }

    #[test]
    fn a_use_of_a_closed_descriptor_breaks_it_and_one_of_a_number_that_never_was_open_does_not() {
        let mut script = Script::new();
        script.bad_descriptor(-1, "fcntl", false).bad_descriptor(7, "write", true);
        let [violation] = &check(script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 called `write` on a descriptor that it had closed");
        assert_eq!(violation.at, Seq(1));
        let mut script = Script::new();
        script.bad_descriptor(7, "close", true);
        let [violation] = &check(script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 closed a descriptor that it had closed already");
    }

    #[test]
    fn a_second_close_is_not_a_use() {
        let mut script = Script::new();
        script.open("db", 1).closed("db", 1).closed("db", 1);
        assert_eq!(check(script), []);
    }
}
