//! No process that is started again and again dies each time the same way with the same state on its disk: nothing would ever
//! change that. It looks at nodes with a supervisor, since nobody else restarts what ended by itself; there it is on by default.
//!
//! Not counted are ends that the plan or an operator caused: kills, power losses, whatever follows a request to stop, a lack
//! of memory while a fault makes it scarce, and any failure while a fault makes the disk refuse operations: those faults go by.
//! The state is what the next life finds, so that a process that makes progress in the page cache alone makes progress, too.
//!
//! Who logs each of its lives leaves another state each time. So three times as many panics in a row at one line are a loop
//! whatever is on the disk: progress is not made by panicking.

use super::contract::{Facts, Invariant};
use super::deaths::ended;
use super::deaths::is_failure;
use super::site::place;
use crate::model::duration::span;
use crate::model::violation::Violation;
use afterlife_sim::event::{Death, Event, Name, NodeId, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "no-crash-loop";

/// So many ends in a row are a loop, unless a scenario says otherwise: two may be an accident.
const ENDS: u64 = 3;
/// So many times as many panics at one line are a loop even if the disk is another each time.
const LOGGED: usize = 3;

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
    /// How many of the last ends of `row` left the state of the last one.
    unchanged: usize,
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
            unchanged: 0,
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
        let by_a_fault = (how == Death::OutOfMemory && facts.has_memory_limit(node)) || facts.disk_fails(node);
        let lived_ns = event.time_ns - self.began_ns;
        if lived_ns >= self.healthy_ns || how == (Death::Exit { code: 0 }) {
            self.forget();
        }
        if self.was_asked_to_stop || !is_failure(how) || by_a_fault {
            return None;
        }
        let end = End { how, panic: self.panic, state: facts.state(node) };
        match self.last {
            Some(last) if last == end => self.unchanged += 1,
            Some(last) if (last.how, last.panic) == (how, self.panic) && self.panic != Name::NONE => self.unchanged = 1,
            _ => {
                self.forget();
                self.unchanged = 1;
            }
        }
        self.last = Some(end);
        self.row.push(event.seq);
        self.lived_ns.push(lived_ns);
        let is_same = self.unchanged >= ends;
        if !is_same && self.row.len() < ends.saturating_mul(LOGGED) {
            return None;
        }
        // What came before the state was this one is another story.
        let told = if is_same { ends } else { self.row.len() };
        self.row.drain(..self.row.len() - told);
        self.lived_ns.drain(..self.lived_ns.len() - told);
        let (name, how) = (facts.node(node), ended(how));
        let lived = self.lived_ns.iter().map(|ns| span(*ns)).collect::<Vec<_>>().join(", ");
        let panic = facts.text(self.panic);
        let left = if is_same { "with the same state on its disk each time" } else { "at the same line each time" };
        Some(Violation {
            invariant: ID.to_owned(),
            class: how.clone(),
            sites: if panic.is_empty() { Vec::new() } else { vec![place(panic)] },
            subject: name.to_owned(),
            sentence: format!("{name} {how} {told} times in a row, {left}, after {lived}"),
            at: event.seq,
            turning: self.row[..self.row.len() - 1].to_vec(),
        })
    }

    fn forget(&mut self) {
        self.last = None;
        self.row.clear();
        self.lived_ns.clear();
        self.unchanged = 0;
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
    fn panics_at_one_line_are_a_loop_whatever_each_life_has_written() {
        let dies = |ends: u128, site: fn(u128) -> &'static str| {
            let mut script = Script::new();
            for state in 0..ends {
                script.with_state(state).happens(What::Started).panicked("no", site(state)).exited(Death::Abort);
            }
            check(script)
        };
        assert_eq!(dies(8, |_| "src/a.rs:1"), []);
        let [violation] = &dies(9, |_| "src/a.rs:1")[..] else { panic!("one violation") };
        assert!(violation.sentence.starts_with("node-0 died by abort 9 times in a row, at the same line each time, "));
        assert_eq!(violation.turning.len(), 8);
        assert_eq!(dies(20, |state| if state % 8 == 7 { "src/b.rs:1" } else { "src/a.rs:1" }), []);
    }

    #[test]
    fn ends_that_change_the_disk_at_first_and_then_nothing_are_told_once_nothing_changes() {
        let mut script = Script::new();
        for state in [0, 1, 2, 2, 2] {
            script.with_state(state).happens(What::Started).panicked("no", "src/a.rs:1").exited(Death::Panic);
        }
        let [violation] = &check(script)[..] else { panic!("one violation") };
        assert!(violation.sentence.contains("died of a panic 3 times in a row, with the same state"), "{violation:?}");
        assert_eq!(violation.turning.len(), 2);
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
    fn failures_while_a_fault_makes_the_disk_refuse_do_not_count() {
        for how in [Death::Exit { code: 1 }, Death::Panic, Death::Abort] {
            let mut script = Script::new();
            script.with_failing_disk();
            for _ in 0..12 {
                life(&mut script, how);
            }
            assert_eq!(check(script), []);
        }
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
