//! *no-crash-loop*: no process keeps dying in the same way with the same state on its disk, because nothing would ever change that.
//! It covers nodes with a supervisor: no other process is restarted after it ended by itself.
//!
//! Ends that the plan or an operator caused do not count: kills, power losses, every end after a stop request, a lack of memory
//! while a fault makes it scarce, and any failure while a fault makes the disk refuse operations. The state is the disk that the
//! next incarnation finds, so that progress in the page cache counts as progress.
//!
//! A process that logs each of its incarnations leaves another state each time. So three times as many panics in a row at one line,
//! or ends with one exit code, are a loop whatever is on the disk: a process does not make progress by failing. Twice as many are a
//! loop if each incarnation is out of memory.
//!
//! The last line that the process printed to standard error tells one loop with an exit code from another.

use super::contract::{Facts, Monitor};
use super::deaths::{ended, is_by_a_fault, is_failure};
use super::last_words::{LastWords, explains};
use super::site::file_of;
use crate::model::duration::span;
use crate::model::violation::Violation;
use afterlife_sim::event::{Death, Event, Name, NodeId, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "no-crash-loop";

/// The default number of ends in a row that make a loop: two may be an accident.
const ENDS: u64 = 3;
/// The factor for ends that make a loop whatever is on the disk: panics at one line, and ends with one exit code.
const ENDS_FACTOR: usize = 3;
/// The same for a lack of memory. It comes after a recovery that fills the memory, so that a run has time for few: the tablet's had eight.
const OUT_OF_MEMORY_FACTOR: usize = 2;

/// The end of an incarnation, and the state that it left.
#[derive(Clone, Copy, PartialEq, Eq)]
struct End {
    how: Death,
    /// The site of the incarnation's last panic, if there was one.
    panic: Name,
    state: u128,
}

impl End {
    /// Returns whether a row of such ends is a loop whatever is on the disk.
    fn repeats_on_any_disk(&self) -> bool {
        self.panic != Name::NONE || matches!(self.how, Death::Exit { .. } | Death::OutOfMemory)
    }
}

struct Charge {
    healthy_ns: u64,
    began_ns: u64,
    was_asked_to_stop: bool,
    panic: Name,
    last: Option<End>,
    row: Vec<Seq>,
    lived_ns: Vec<u64>,
    /// The number of ends, counted back from the last of `row`, that left the same state.
    unchanged: usize,
}

/// The nodes with a supervisor.
#[derive(Default)]
pub(super) struct NoCrashLoop {
    ends: usize,
    charges: BTreeMap<NodeId, Charge>,
}

impl NoCrashLoop {
    /// For these nodes, each with the nanoseconds after which it is healthy, and for this number of ends that make a loop.
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

impl Monitor for NoCrashLoop {
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
        let lived_ns = event.time_ns - self.began_ns;
        if lived_ns >= self.healthy_ns || how == (Death::Exit { code: 0 }) {
            self.forget();
        }
        if self.was_asked_to_stop || !is_failure(how) || is_by_a_fault(how, node, facts) {
            return None;
        }
        let end = End { how, panic: self.panic, state: facts.state(node) };
        match self.last {
            Some(last) if last == end => self.unchanged += 1,
            Some(last) if (last.how, last.panic) == (how, self.panic) && end.repeats_on_any_disk() => {
                self.unchanged = 1
            }
            _ => {
                self.forget();
                self.unchanged = 1;
            }
        }
        self.last = Some(end);
        self.row.push(event.seq);
        self.lived_ns.push(lived_ns);
        let is_same = self.unchanged >= ends;
        let factor = if how == Death::OutOfMemory { OUT_OF_MEMORY_FACTOR } else { ENDS_FACTOR };
        if !is_same && self.row.len() < ends.saturating_mul(factor) {
            return None;
        }
        // Ends that left another state are not part of this loop.
        let reported = if is_same { ends } else { self.row.len() };
        self.row.drain(..self.row.len() - reported);
        self.lived_ns.drain(..self.lived_ns.len() - reported);
        let name = facts.node(node);
        let lived = self.lived_ns.iter().map(|ns| span(*ns)).collect::<Vec<_>>().join(", ");
        let panic = facts.text(self.panic);
        let left = match is_same {
            true => "with the same state on its disk each time",
            false if panic.is_empty() => "whatever was on its disk",
            false => "at the same line each time",
        };
        let said = LastWords::of(node, facts).filter(|_| panic.is_empty());
        let (reason, last_line, site) = match &said {
            None if panic.is_empty() => (String::new(), String::new(), None),
            None => (String::new(), String::new(), Some(file_of(panic))),
            Some(said) if explains(how) => (format!(" ({})", said.text), String::new(), Some(said.class())),
            // A process that is out of memory has not said why.
            Some(said) => (String::new(), format!("; the last line that it printed: {}", said.text), None),
        };
        let how = ended(how);
        let lines = said.map(|said| said.lines).unwrap_or_default();
        Some(Violation {
            invariant: ID.to_owned(),
            class: how.clone(),
            sites: site.into_iter().collect(),
            subject: name.to_owned(),
            sentence: format!("{name} {how}{reason} {reported} times in a row, {left}, after {lived}{last_line}"),
            at: event.seq,
            turning: lines.into_iter().chain(self.row[..self.row.len() - 1].iter().copied()).collect(),
            origins: Vec::new(),
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

    /// An incarnation of two seconds.
    fn incarnation(script: &mut Script, how: Death) -> &mut Script {
        script.after_ns(SECOND_NS).happens(What::Started).after_ns(2 * SECOND_NS).exited(how)
    }

    #[test]
    fn three_ends_of_one_kind_with_one_state_break_it() {
        let mut script = Script::new();
        for _ in 0..3 {
            incarnation(&mut script, Death::OutOfMemory);
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
    fn a_scenario_sets_the_number_of_ends() {
        for (ends, broken) in [(5, 0), (4, 1)] {
            let mut script = Script::new();
            for _ in 0..4 {
                incarnation(&mut script, Death::Abort);
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
    fn progress_on_the_disk_is_not_a_loop() {
        let mut script = Script::new();
        for state in 0..5 {
            incarnation(script.with_state(state), Death::OutOfMemory);
        }
        assert_eq!(check(script), []);
    }

    #[test]
    fn panics_at_one_line_are_a_loop_whatever_is_on_the_disk() {
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
    fn a_lack_of_memory_in_each_incarnation_is_a_loop_whatever_is_on_the_disk() {
        let dies = |ends: u128| {
            let mut script = Script::new();
            for state in 0..ends {
                script
                    .with_state(state)
                    .happens(What::Started)
                    .printed("compacting 3 files")
                    .exited(Death::OutOfMemory);
            }
            check(script)
        };
        assert_eq!(dies(5), []);
        let [violation] = &dies(6)[..] else { panic!("one violation") };
        let start = "node-0 died out of memory 6 times in a row, whatever was on its disk, after ";
        assert!(violation.sentence.starts_with(start), "{violation:?}");
        assert!(violation.sentence.ends_with("; the last line that it printed: compacting 3 files"), "{violation:?}");
        assert_eq!(violation.signature().to_string(), "no-crash-loop · died out of memory");
    }

    #[test]
    fn ends_with_one_exit_code_are_a_loop_whatever_is_on_the_disk() {
        let exits = |ends: u128, code: fn(u128) -> i32| {
            let mut script = Script::new();
            for state in 0..ends {
                script.with_state(state).happens(What::Started).exited(Death::Exit { code: code(state) });
            }
            check(script).len()
        };
        assert_eq!((exits(8, |_| 1), exits(9, |_| 1)), (0, 1));
        assert_eq!(exits(20, |state| if state % 8 == 7 { 2 } else { 1 }), 0);
    }

    #[test]
    fn the_last_line_tells_two_loops_with_one_exit_code_apart() {
        let exits = |line: fn(u128) -> String| {
            let mut script = Script::new();
            for number in 0..3 {
                script.happens(What::Started).printed(&line(number)).exited(Death::Exit { code: 1 });
            }
            let [violation] = &check(script)[..] else { panic!("one violation") };
            violation.clone()
        };
        let missing = exits(|_| "Error: config.toml: no such file".to_owned());
        let taken = exits(|number| format!("Error: port {number} is taken"));
        assert_eq!(
            missing.signature().to_string(),
            "no-crash-loop · ended with exit code 1 · config.toml: no such file"
        );
        assert_eq!(taken.signature().to_string(), "no-crash-loop · ended with exit code 1 · port # is taken");
        let start = "node-0 ended with exit code 1 (config.toml: no such file) 3 times in a row, with the same state ";
        assert!(missing.sentence.starts_with(start), "{missing:?}");
        assert_eq!(missing.turning, [Seq(7), Seq(2), Seq(5)]);
    }

    #[test]
    fn ends_that_no_longer_change_the_disk_are_a_loop() {
        let mut script = Script::new();
        for state in [0, 1, 2, 2, 2] {
            script.with_state(state).happens(What::Started).panicked("no", "src/a.rs:1").exited(Death::Panic);
        }
        let [violation] = &check(script)[..] else { panic!("one violation") };
        assert!(violation.sentence.contains("died of a panic 3 times in a row, with the same state"), "{violation:?}");
        assert_eq!(violation.turning.len(), 2);
    }

    #[test]
    fn a_healthy_incarnation_between_resets_the_count() {
        let mut script = Script::new();
        incarnation(&mut script, Death::Abort);
        incarnation(&mut script, Death::Abort);
        script.happens(What::Started).after_ns(60 * SECOND_NS).exited(Death::Abort);
        incarnation(&mut script, Death::Abort);
        assert_eq!(check(script), []);
    }

    #[test]
    fn an_orderly_end_between_resets_the_count() {
        let mut script = Script::new();
        incarnation(&mut script, Death::Abort);
        incarnation(&mut script, Death::Abort);
        incarnation(&mut script, Death::Exit { code: 0 });
        incarnation(&mut script, Death::Abort);
        assert_eq!(check(script), []);
    }

    #[test]
    fn an_end_from_outside_neither_counts_nor_resets_the_count() {
        for how in [Death::Kill, Death::PowerLoss, Death::Overrun] {
            let mut script = Script::new();
            for _ in 0..5 {
                incarnation(&mut script, how);
            }
            assert_eq!(check(script), []);
        }
        let mut script = Script::new();
        for how in [Death::Abort, Death::Abort, Death::Kill, Death::Abort] {
            incarnation(&mut script, how);
        }
        assert_eq!(check(script).len(), 1);
    }

    #[test]
    fn failures_after_a_stop_request_do_not_count() {
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
            incarnation(&mut script, Death::OutOfMemory);
        }
        assert_eq!(check(script), []);
    }

    #[test]
    fn failures_while_a_fault_makes_the_disk_refuse_do_not_count() {
        for how in [Death::Exit { code: 1 }, Death::Panic, Death::Abort] {
            let mut script = Script::new();
            script.with_failing_disk();
            for _ in 0..12 {
                incarnation(&mut script, how);
            }
            assert_eq!(check(script), []);
        }
    }

    #[test]
    fn a_node_without_a_supervisor_does_not_count() {
        let mut script = Script::new();
        for _ in 0..5 {
            incarnation(&mut script, Death::Abort);
        }
        assert_eq!(run(NoCrashLoop::default(), script), []);
    }
}
