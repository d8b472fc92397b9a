//! No process that is started again and again dies each time the same way with the same state on its disk: nothing would ever
//! change that. It looks at nodes with a supervisor, since nobody else restarts what ended by itself; there it is on by default.
//!
//! Not counted are ends that the plan or an operator caused: kills, power losses, whatever follows a request to stop, and
//! a lack of memory while a fault makes it scarce. The state is what the next life finds, so that a process that makes progress
//! in the page cache alone makes progress, too.

use super::{Facts, Invariant, ended, place};
use crate::fault::span;
use crate::finding::Violation;
use crate::supervisor::is_failure;
use afterlife_sim::event::{Death, Event, Name, NodeId, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "no-crash-loop";

/// So many ends in a row are a loop, unless a scenario says otherwise: two may be an accident.
const ENDS: u64 = 3;

/// How a life ended, and what it left.
#[derive(Clone, Copy, PartialEq, Eq)]
struct End {
    how: Death,
    /// Where the last panic of that life was, if there was one.
    panic: Name,
    state: u128,
}

struct Charge {
    healthy_ns: u64,
    began_ns: u64,
    was_asked_to_stop: bool,
    panic: Name,
    last: Option<End>,
    row: Vec<Seq>,
    lived_ns: Vec<u64>,
}

/// Follows every node with a supervisor.
#[derive(Default)]
pub(super) struct NoCrashLoop {
    ends: usize,
    charges: BTreeMap<NodeId, Charge>,
}

impl NoCrashLoop {
    /// Follows these nodes, each of which is healthy after so many nanoseconds of a life; so many ends in a row are a loop.
    pub(super) fn of(supervised: impl IntoIterator<Item = (NodeId, u64)>, ends: Option<u64>) -> Self {
        let charge = |healthy_ns| Charge {
            healthy_ns,
            began_ns: 0,
            was_asked_to_stop: false,
            panic: Name::NONE,
            last: None,
            row: Vec::new(),
            lived_ns: Vec::new(),
        };
        let ends = usize::try_from(ends.unwrap_or(ENDS)).unwrap_or(usize::MAX);
        Self { ends, charges: supervised.into_iter().map(|(node, healthy_ns)| (node, charge(healthy_ns))).collect() }
    }
}

impl Invariant for NoCrashLoop {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        !self.charges.is_empty()
            && matches!(what, What::Started | What::StopRequested { .. } | What::Panicked { .. } | What::Exited { .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let ends = self.ends;
        let charge = self.charges.get_mut(&event.node)?;
        match event.what {
            What::Started => {
                charge.began_ns = event.time_ns;
                charge.was_asked_to_stop = false;
                charge.panic = Name::NONE;
                None
            }
            What::StopRequested { .. } => {
                charge.was_asked_to_stop = true;
                None
            }
            What::Panicked { site, .. } => {
                charge.panic = site;
                None
            }
            What::Exited { how } => charge.ended(how, ends, event, facts),
            _ => None,
        }
    }
}

impl Charge {
    fn ended(&mut self, how: Death, ends: usize, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let node = event.node;
        let squeezed = how == Death::OutOfMemory && facts.is_squeezed(node);
        let lived_ns = event.time_ns - self.began_ns;
        if lived_ns >= self.healthy_ns || how == (Death::Exit { code: 0 }) {
            self.forget();
        }
        if self.was_asked_to_stop || !is_failure(how) || squeezed {
            return None;
        }
        let end = End { how, panic: self.panic, state: facts.state(node) };
        if self.last != Some(end) {
            self.forget();
            self.last = Some(end);
        }
        self.row.push(event.seq);
        self.lived_ns.push(lived_ns);
        if self.row.len() < ends {
            return None;
        }
        let (name, how) = (facts.node(node), ended(how));
        let lived = self.lived_ns.iter().map(|ns| span(*ns)).collect::<Vec<_>>().join(", ");
        let panic = facts.text(self.panic);
        Some(Violation {
            invariant: ID.to_owned(),
            class: how.clone(),
            sites: if panic.is_empty() { Vec::new() } else { vec![place(panic)] },
            subject: name.to_owned(),
            sentence: format!(
                "{name} {how} {ends} times in a row, with the same state on its disk each time, after {lived}"
            ),
            at: event.seq,
            turning: self.row[..self.row.len() - 1].to_vec(),
        })
    }

    fn forget(&mut self) {
        self.last = None;
        self.row.clear();
        self.lived_ns.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn check(script: Script) -> Vec<Violation> {
        run(NoCrashLoop::of([(NodeId(0), 60 * SECOND_NS)], None), script)
    }

    /// A life of two seconds.
    fn life(script: &mut Script, how: Death) -> &mut Script {
        script.after_ns(SECOND_NS).happens(What::Started).after_ns(2 * SECOND_NS).exited(how)
    }

    #[test]
    fn three_ends_of_one_kind_with_one_state_break_it() {
        let mut script = Script::new();
        for _ in 0..3 {
            life(&mut script, Death::OutOfMemory);
        }
        let [violation] = &check(script)[..] else { panic!("one violation") };
        assert_eq!(
            violation.sentence,
            "node-0 died out of memory 3 times in a row, with the same state on its disk each time, after 2 s, 2 s, 2 s"
        );
        assert_eq!(violation.turning, [Seq(1), Seq(3)]);
        assert_eq!(violation.signature().to_string(), "no-crash-loop · died out of memory");
    }

    #[test]
    fn a_scenario_says_how_many_are_a_loop() {
        for (ends, broken) in [(5, 0), (4, 1)] {
            let mut script = Script::new();
            for _ in 0..4 {
                life(&mut script, Death::Abort);
            }
            let violations = run(NoCrashLoop::of([(NodeId(0), 60 * SECOND_NS)], Some(ends)), script);
            assert_eq!(violations.len(), broken, "{violations:?}");
        }
    }

    #[test]
    fn a_panic_in_the_same_place_is_the_same_end_and_one_elsewhere_is_not() {
        let dies_at = |sites: [&str; 3]| {
            let mut script = Script::new();
            for site in sites {
                script.happens(What::Started).panicked("no", site).exited(Death::Panic);
            }
            check(script).len()
        };
        assert_eq!(dies_at(["src/a.rs:1", "src/a.rs:1", "src/a.rs:1"]), 1);
        assert_eq!(dies_at(["src/a.rs:1", "src/b.rs:1", "src/a.rs:1"]), 0);
    }

    #[test]
    fn progress_on_the_disk_is_no_loop() {
        let mut script = Script::new();
        for state in 0..5 {
            life(script.with_state(state), Death::OutOfMemory);
        }
        assert_eq!(check(script), []);
    }

    #[test]
    fn a_healthy_life_between_begins_anew() {
        let mut script = Script::new();
        life(&mut script, Death::Abort);
        life(&mut script, Death::Abort);
        script.happens(What::Started).after_ns(60 * SECOND_NS).exited(Death::Abort);
        life(&mut script, Death::Abort);
        assert_eq!(check(script), []);
    }

    #[test]
    fn a_good_end_between_begins_anew() {
        let mut script = Script::new();
        life(&mut script, Death::Abort);
        life(&mut script, Death::Abort);
        life(&mut script, Death::Exit { code: 0 });
        life(&mut script, Death::Abort);
        assert_eq!(check(script), []);
    }

    #[test]
    fn what_somebody_else_ended_neither_counts_nor_hides_what_does() {
        for how in [Death::Kill, Death::PowerLoss, Death::Overrun] {
            let mut script = Script::new();
            for _ in 0..5 {
                life(&mut script, how);
            }
            assert_eq!(check(script), []);
        }
        let mut script = Script::new();
        for how in [Death::Abort, Death::Abort, Death::Kill, Death::Abort] {
            life(&mut script, how);
        }
        assert_eq!(check(script).len(), 1);
    }

    #[test]
    fn bad_ends_after_a_request_to_stop_do_not_count() {
        let mut script = Script::new();
        for _ in 0..5 {
            script.happens(What::Started).stop_requested(SECOND_NS).exited(Death::Exit { code: 1 });
        }
        assert_eq!(check(script), []);
    }

    #[test]
    fn a_lack_of_memory_that_a_fault_makes_does_not_count() {
        let mut script = Script::new();
        script.with_scarce_memory();
        for _ in 0..5 {
            life(&mut script, Death::OutOfMemory);
        }
        assert_eq!(check(script), []);
    }

    #[test]
    fn who_has_no_supervisor_is_not_looked_at() {
        let mut script = Script::new();
        for _ in 0..5 {
            life(&mut script, Death::Abort);
        }
        assert_eq!(run(NoCrashLoop::default(), script), []);
    }
}
