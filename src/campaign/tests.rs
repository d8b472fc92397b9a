//! The campaign's own decisions, over runs that are answered from a function.
//! How runs really happen is tested with real processes, elsewhere.

use super::{Face, Order, Outcome, run};
use crate::finding::Violation;
use crate::found::Found;
use crate::record::{Saved, Shelf};
use crate::refusal::Refusal;
use crate::run::{Build, Record, Reply, Request};
use crate::runner::fake::{Fake, held};
use crate::scratch::Folder;
use crate::token::Token;
use crate::verdict::Verdict;
use afterlife_sim::event::{Digest, Seq};

#[derive(Default)]
struct Heard {
    found: Vec<(Found, Saved)>,
    ended: usize,
}

impl Face for Heard {
    fn begins(&mut self, _: &Order) {}

    fn progress(&mut self, _: u64, _: usize) {}

    fn found(&mut self, found: &Found, saved: &Saved) {
        self.found.push((found.clone(), saved.clone()));
    }

    fn ends(&mut self, _: &Outcome) {
        self.ended += 1;
    }
}

fn order(runs: u64) -> Order {
    Order {
        scenario: "toy".into(),
        build: Build::Sound,
        seeds: 0..runs,
        until: None,
        failures_max: 10,
        wanted: None,
        full: 100,
    }
}

fn campaign(order: &Order, answer: impl Fn(&Request, bool) -> Reply) -> (Outcome, Heard) {
    let folder = Folder::new();
    let shelf = Shelf::open(folder.path().to_owned()).expect("a temporary folder can be written to");
    let mut heard = Heard::default();
    let outcome = run(order, &Fake(answer), &shelf, &mut heard).expect("the fake refuses nothing");
    assert_eq!(heard.ended, 1);
    (outcome, heard)
}

fn violation(class: &str) -> Violation {
    Violation {
        invariant: "no-spin".into(),
        class: class.into(),
        sites: Vec::new(),
        subject: class.into(),
        sentence: String::new(),
        at: Seq::NONE,
        turning: Vec::new(),
    }
}

fn broken(request: &Request, classes: &[&str]) -> Reply {
    let record = request.record.then(Record::default);
    Reply { violations: classes.iter().map(|class| violation(class)).collect(), record, ..held(request) }
}

#[test]
fn a_failure_that_comes_again_is_counted_and_told_once() {
    let (outcome, heard) = campaign(&order(50), |request, _| match request.seed {
        10 | 20 | 30 => broken(request, &["a"]),
        25 => broken(request, &["b"]),
        _ => held(request),
    });
    let known: Vec<_> = outcome.findings.iter().map(|known| (known.finding.first_run, known.times)).collect();
    assert_eq!(known, [(11, 3), (26, 1)]);
    assert_eq!(heard.found.len(), 2);
    assert_eq!((outcome.runs, outcome.verdict()), (50, Verdict::Broke));
}

#[test]
fn a_campaign_stops_at_the_wanted_number_of_different_failures() {
    let order = Order { failures_max: 2, ..order(50) };
    let (outcome, _) = campaign(&order, |request, _| broken(request, &[&format!("class {}", request.seed / 5)]));
    assert_eq!((outcome.runs, outcome.findings.len()), (6, 2));
}

#[test]
fn what_breaks_later_in_the_same_run_is_named_beside_the_first() {
    let (outcome, heard) = campaign(&order(1), |request, _| broken(request, &["first", "then", "then"]));
    assert_eq!(outcome.findings.len(), 1);
    let also: Vec<_> = heard.found[0].0.also.iter().map(ToString::to_string).collect();
    assert_eq!(also, ["no-spin · then"]);
}

#[test]
fn a_failure_is_confirmed_in_a_fresh_process_with_its_record() {
    let (_, heard) = campaign(&order(5), |request, fresh| match request.seed {
        3 => {
            assert_eq!(request.record, fresh, "only the confirming run sends its events");
            broken(request, &["a"])
        }
        _ => held(request),
    });
    let (found, saved) = &heard.found[0];
    let token: Token = found.finding.token.parse().expect("a finding's token can be read");
    assert_eq!(token, Token { scenario: "toy".into(), build: Build::Sound, seed: 3, plan: None });
    assert_eq!(saved.folder.file_name().and_then(|name| name.to_str()), Some(saved.id.as_str()));
}

#[test]
fn a_failure_that_a_fresh_process_does_not_repeat_ran_two_ways() {
    let (outcome, heard) = campaign(&order(50), |request, fresh| match (request.seed, fresh) {
        (7, false) => broken(request, &["a"]),
        _ => held(request),
    });
    assert!(heard.found.is_empty());
    assert_eq!((outcome.runs, outcome.verdict()), (8, Verdict::TwoWays));
    assert_eq!(outcome.two_ways.map(|two_ways| two_ways.seed), Some(7));
}

#[test]
fn one_run_in_a_hundred_is_repeated_and_must_be_the_same() {
    let (outcome, _) = campaign(&order(5_000), |request, _| held(request));
    assert!((25..=100).contains(&outcome.repeated), "{} repeats", outcome.repeated);
    let (outcome, _) = campaign(&order(5_000), |request, fresh| match fresh {
        true => Reply { digest: Digest(0, 0), ..held(request) },
        false => held(request),
    });
    assert_eq!(outcome.verdict(), Verdict::TwoWays);
}

#[test]
fn a_claim_that_never_held_fails_a_full_campaign_and_no_shorter_one() {
    let answer = |request: &Request, _: bool| {
        let sometimes = vec![("seen once".into(), request.seed == 5), ("never seen".into(), false)];
        Reply { sometimes, ..held(request) }
    };
    let (full, _) = campaign(&order(100), answer);
    assert_eq!((full.never.as_slice(), full.verdict()), (["never seen".to_owned()].as_slice(), Verdict::Broke));
    let (short, _) = campaign(&order(99), answer);
    assert_eq!((short.never.len(), short.verdict()), (1, Verdict::Held));
}

#[test]
fn a_campaign_that_cannot_write_its_finding_down_is_refused() {
    let folder = Folder::new();
    let shelf = Shelf::open(folder.path().to_owned()).expect("a temporary folder can be written to");
    std::fs::write(folder.path().join("toy"), "a file where a folder belongs").expect("the folder is there");
    let executor = Fake(|request: &Request, _| broken(request, &["a"]));
    let refused: Refusal = run(&order(5), &executor, &shelf, &mut Heard::default()).expect_err("a file is in the way");
    assert_eq!(refused.verdict, Verdict::Refused);
}
