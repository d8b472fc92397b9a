//! Tests the campaign's own decisions with a fake executor that answers from a function.
//! Other tests run real processes.

use super::{CampaignOptions, CampaignOutcome, Reporter, Vacuity, run};
use crate::failure::failing_run::FailingRun;
use crate::failure::record::{RecordStore, SavedRecord};
use crate::failure::token::Token;
use crate::fault::{Fault, Injection, InjectionOutcome, InjectionResult, Miss, Plan, Trigger};
use crate::model::build::Build;
use crate::model::scratch::Folder;
use crate::model::verdict::Verdict;
use crate::model::violation::Violation;
use crate::run::account::{Described, NodeAccount, RunAccount};
use crate::run::request::{Ended, Record, Reply, Request};
use crate::runner::fake::{Fake, held};
use crate::scenario::ledger::LedgerSummary;
use crate::scenario::node::Role;
use crate::search::budget::Shard;
use afterlife_sim::event::Misconfiguration;
use afterlife_sim::event::NodeId;
use afterlife_sim::event::{Digest, Seq};
use std::time::Duration;

#[derive(Default)]
struct Recorded {
    failure: Vec<(FailingRun, SavedRecord)>,
    ended: usize,
}

impl Reporter for Recorded {
    fn failure(&mut self, failure: &FailingRun, saved: &SavedRecord) {
        self.failure.push((failure.clone(), saved.clone()));
    }

    fn end(&mut self, _: &CampaignOutcome) {
        self.ended += 1;
    }
}

fn options(runs: u64) -> CampaignOptions {
    CampaignOptions {
        scenario: "toy".into(),
        build: Build::DEFAULT,
        engine: crate::model::engine::Engine::Native,
        seeds: 0..runs,
        until: None,
        failures_max: 10,
        wanted: None,
        regressions: Vec::new(),
        shard: Shard::default(),
        shrink: 0,
        full: 100,
    }
}

fn campaign(options: &CampaignOptions, answer: impl Fn(&Request, bool) -> Reply) -> (CampaignOutcome, Recorded) {
    let folder = Folder::new();
    let store = RecordStore::open(folder.path().to_owned()).expect("a temporary folder can be written to");
    let mut recorded = Recorded::default();
    let outcome = run(options, &Fake(answer), &store, &mut recorded).expect("the fake refuses nothing");
    assert_eq!(recorded.ended, 1);
    (outcome, recorded)
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
        origins: Vec::new(),
    }
}

fn broken(request: &Request, classes: &[&str]) -> Reply {
    let record = request.record.then(Record::default);
    Reply { violations: classes.iter().map(|class| violation(class)).collect(), record, ..held(request) }
}

#[test]
fn a_repeated_failure_is_counted_and_reported_once() {
    let (outcome, recorded) = campaign(&options(50), |request, _| match request.seed {
        10 | 20 | 30 => broken(request, &["a"]),
        25 => broken(request, &["b"]),
        _ => held(request),
    });
    let known: Vec<_> = outcome.findings.iter().map(|known| (known.finding.first_run, known.times)).collect();
    assert_eq!(known, [(11, 3), (26, 1)]);
    assert_eq!(recorded.failure.len(), 2);
    assert_eq!((outcome.runs, outcome.verdict()), (50, Verdict::Broke));
}

#[test]
fn a_campaign_stops_after_the_requested_number_of_different_failures() {
    let options = CampaignOptions { failures_max: 2, ..options(50) };
    let (outcome, _) = campaign(&options, |request, _| broken(request, &[&format!("class {}", request.seed / 5)]));
    assert_eq!((outcome.runs, outcome.findings.len()), (6, 2));
}

/// Three kills are drawn, and two are needed: that of node 1, and that of node 2 with at least a second of downtime.
fn drawn() -> Plan {
    let kill = |node, time_ns| Injection {
        trigger: Trigger::at(Duration::from_nanos(time_ns)),
        fault: Fault::kill(NodeId(node), Duration::from_nanos(2_345_678_901)),
    };
    Plan { injections: vec![kill(0, 1), kill(1, 3_456_789_012), kill(2, 4_000_000_000)] }
}

fn broken_by_two(request: &Request) -> Reply {
    let plan = request.plan.clone().unwrap_or_else(drawn);
    let downs = |whom: u16| {
        let kills = plan.injections.iter().filter_map(|injection| injection.fault.as_kind::<crate::fault::Kill>());
        let mut downs = kills.map(crate::fault::Kill::node_and_down_ns).filter(|(node, _)| node.0 == whom);
        downs.next().map(|(_, down_ns)| down_ns)
    };
    let breaks = downs(1).is_some() && downs(2) >= Some(1_000_000_000);
    // Without node 2 something else breaks.
    let classes: &[&str] = if breaks { &["a"] } else { &["b"] };
    Reply { plan, ..broken(request, classes) }
}

#[test]
fn a_finding_is_reported_with_the_smallest_plan_that_breaks_in_the_same_way() {
    let options = CampaignOptions { shrink: 100, ..options(1) };
    let (outcome, recorded) = campaign(&options, |request, _| broken_by_two(request));
    let (failure, _) = &recorded.failure[0];
    let kill = |node, time_ns, down_ns| Injection {
        trigger: Trigger::at(Duration::from_nanos(time_ns)),
        fault: Fault::kill(NodeId(node), Duration::from_nanos(down_ns)),
    };
    let smallest = Plan { injections: vec![kill(1, 3_000_000_000, 0), kill(2, 4_000_000_000, 1_000_000_000)] };
    assert_eq!(failure.finding.plan, smallest);
    let token: Token = failure.finding.token.parse().expect("a finding's token can be read");
    assert_eq!(token.plan, Some(smallest));
    let shrunk = failure.shrunk.as_ref().expect("the options allow replays");
    assert_eq!((shrunk.not.as_slice(), shrunk.whole, shrunk.seeds), (&drawn().injections[..1], true, (4, 4)));
    let counted = &outcome.findings[0];
    assert_eq!((counted.injections, counted.replays), (Some(2), shrunk.replays));
    assert!(shrunk.replays <= 100);
}

#[test]
fn without_replays_the_plan_is_reported_as_it_was_drawn() {
    let (_, recorded) = campaign(&options(1), |request, _| broken_by_two(request));
    assert_eq!((&recorded.failure[0].0.finding.plan, &recorded.failure[0].0.shrunk), (&drawn(), &None));
}

#[test]
fn a_shrunk_run_that_a_fresh_process_does_not_reproduce_is_nondeterministic() {
    let options = CampaignOptions { shrink: 100, ..options(1) };
    let (outcome, recorded) = campaign(&options, |request, fresh| match (&request.plan, fresh) {
        (Some(_), true) => held(request),
        _ => broken_by_two(request),
    });
    assert_eq!((outcome.verdict(), recorded.failure.len()), (Verdict::Nondeterministic, 0));
}

#[test]
fn a_run_that_the_machine_ended_is_looked_at_again_and_not_accused() {
    let killed = |request: &Request| Reply {
        ended: Ended::Signal { signal: 9, node: None },
        digest: Digest::default(),
        ..broken(request, &["killed"])
    };
    let (outcome, recorded) = campaign(&options(50), |request, fresh| match (request.seed, fresh) {
        (7, false) => killed(request),
        _ => held(request),
    });
    assert_eq!((outcome.runs, outcome.verdict(), recorded.failure.len()), (50, Verdict::Held, 0));
    let (outcome, _) = campaign(&options(50), |request, _| killed(request));
    assert_eq!((outcome.findings.len(), outcome.verdict()), (1, Verdict::Broke), "twice is no accident");
}

#[test]
fn a_run_that_never_ends_is_replayed_once_to_shrink_its_plan() {
    let replays = std::sync::atomic::AtomicU64::new(0);
    let options = CampaignOptions { shrink: 100, ..options(1) };
    let (_, recorded) = campaign(&options, |request, _| {
        replays.fetch_add(u64::from(!request.only_plan), std::sync::atomic::Ordering::Relaxed);
        Reply { ended: Ended::Spin { node: None, bound_ms: 5_000 }, ..broken_by_two(request) }
    });
    assert_eq!(recorded.failure.len(), 1);
    // The run, its confirmation, one simpler plan, and that plan in a fresh process if it breaks, too.
    let replays = replays.into_inner();
    assert!((3..=4).contains(&replays), "{replays}");
}

#[test]
fn the_plan_of_a_run_whose_process_died_is_requested() {
    let options = CampaignOptions { shrink: 100, ..options(1) };
    let (_, recorded) = campaign(&options, |request, _| match request.only_plan {
        true => Reply { plan: drawn(), ..held(request) },
        false => Reply {
            ended: Ended::Signal { signal: 6, node: None },
            events: 0,
            plan: request.plan.clone().unwrap_or_default(),
            ..broken_by_two(request)
        },
    });
    assert_eq!(recorded.failure[0].0.injections(), Some(2));
}

#[test]
fn a_campaign_that_searches_for_one_claim_shrinks_no_other() {
    let options = CampaignOptions { shrink: 100, wanted: Some("no-crash"), ..options(1) };
    let (_, recorded) = campaign(&options, |request, _| broken_by_two(request));
    assert_eq!(recorded.failure[0].0.shrunk, None);
}

#[test]
fn later_violations_of_the_same_run_are_listed_with_the_first() {
    let (outcome, recorded) = campaign(&options(1), |request, _| broken(request, &["first", "then", "then"]));
    assert_eq!(outcome.findings.len(), 1);
    let also: Vec<_> = recorded.failure[0].0.also.iter().map(ToString::to_string).collect();
    assert_eq!(also, ["no-spin · then"]);
}

#[test]
fn a_failure_is_confirmed_in_a_fresh_process_with_its_record() {
    let (_, recorded) = campaign(&options(5), |request, fresh| match request.seed {
        3 => {
            assert_eq!(request.record, fresh, "only the confirming run sends its events");
            broken(request, &["a"])
        }
        _ => held(request),
    });
    let (failure, saved) = &recorded.failure[0];
    let token: Token = failure.finding.token.parse().expect("a finding's token can be read");
    assert_eq!(
        token,
        Token {
            scenario: "toy".into(),
            build: Build::DEFAULT,
            engine: crate::model::engine::Engine::Native,
            seed: 3,
            plan: None
        }
    );
    assert_eq!(saved.folder.file_name().and_then(|name| name.to_str()), Some(saved.id.as_str()));
}

#[test]
fn a_failure_that_a_fresh_process_does_not_reproduce_is_nondeterministic() {
    let (outcome, recorded) = campaign(&options(50), |request, fresh| match (request.seed, fresh) {
        (7, false) => broken(request, &["a"]),
        _ => held(request),
    });
    assert!(recorded.failure.is_empty());
    assert_eq!((outcome.runs, outcome.verdict()), (8, Verdict::Nondeterministic));
    assert_eq!(outcome.nondeterminism.map(|nondeterminism| nondeterminism.seed), Some(7));
}

#[test]
fn one_run_in_a_hundred_is_repeated_and_must_be_the_same() {
    let (outcome, _) = campaign(&options(5_000), |request, _| held(request));
    assert!((25..=100).contains(&outcome.repeated), "{} repeats", outcome.repeated);
    let (outcome, _) = campaign(&options(5_000), |request, fresh| match fresh {
        true => Reply { digest: Digest(0, 0), ..held(request) },
        false => held(request),
    });
    assert_eq!(outcome.verdict(), Verdict::Nondeterministic);
}

#[test]
fn a_claim_that_never_held_fails_a_full_campaign_but_no_shorter_one() {
    let answer = |request: &Request, _: bool| {
        let sometimes = vec![("seen once".into(), request.seed == 5), ("never seen".into(), false)];
        Reply { sometimes, ..held(request) }
    };
    let (full, _) = campaign(&options(100), answer);
    assert_eq!((full.never.as_slice(), full.verdict()), (["never seen".to_owned()].as_slice(), Verdict::Vacuous));
    let (short, _) = campaign(&options(99), answer);
    assert_eq!((short.never.len(), short.verdict()), (1, Verdict::Held));
}

#[test]
fn a_campaign_without_a_run_is_vacuous() {
    let shard = crate::search::budget::parse_shard("4/4").expect("it is a shard");
    let none = [
        CampaignOptions { shard, ..options(3) },
        CampaignOptions { until: Some(std::time::Instant::now()), ..options(3) },
    ];
    for options in none {
        let (outcome, recorded) = campaign(&options, |request, _| held(request));
        assert_eq!((outcome.runs, outcome.verdict(), recorded.ended), (0, Verdict::Vacuous, 1));
    }
}

#[test]
fn a_finding_that_cannot_be_saved_is_still_reported() {
    let folder = Folder::new();
    let store = RecordStore::open(folder.path().to_owned()).expect("a temporary folder can be written to");
    std::fs::write(folder.path().join("toy"), "a file where a folder belongs").expect("the folder is there");
    let executor = Fake(|request: &Request, _| broken(request, &["a"]));
    let mut recorded = Recorded::default();
    let outcome = run(&options(5), &executor, &store, &mut recorded).expect("the campaign ends");
    assert_eq!((outcome.verdict(), outcome.findings.len()), (Verdict::Broke, 1));
    let [(_, saved)] = &recorded.failure[..] else { panic!("it was reported once") };
    let why = saved.unwritten.as_deref().expect("a file is in the way");
    assert!(why.starts_with("cannot write to ") && why.contains("toy"), "{why}");
}

/// A run with a client that succeeded.
fn tested() -> RunAccount {
    let node = |name: &str, role| NodeAccount { name: name.to_owned(), role, succeeded: true, failure: None };
    RunAccount { nodes: vec![node("store", Role::Service), node("writer", Role::Client)], ..RunAccount::default() }
}

fn vacuities(runs: u64, account: impl Fn(u64) -> RunAccount) -> Vec<Vacuity> {
    let answer = |request: &Request, _: bool| Reply { account: account(request.seed), ..held(request) };
    let (outcome, _) = campaign(&options(runs), answer);
    let expected = if outcome.vacuous().is_empty() { Verdict::Held } else { Verdict::Vacuous };
    assert_eq!(outcome.verdict(), expected);
    outcome.vacuous().to_vec()
}

#[test]
fn a_client_that_succeeds_in_one_run_is_enough_and_one_that_never_does_fails_the_campaign() {
    let account = |seed, succeeds_on: u64| {
        let mut account = tested();
        account.nodes[1].succeeded = seed == succeeds_on;
        account.nodes[1].failure = (seed != succeeds_on).then(|| format!("refused in run {seed}"));
        account
    };
    assert_eq!(vacuities(10, |seed| account(seed, 7)), []);
    let why = Some("refused in run 0".to_owned());
    assert_eq!(
        vacuities(10, |seed| account(seed, 99)),
        [Vacuity::NeverSucceeded { node: "writer".to_owned(), role: Role::Client, why }]
    );
}

#[test]
fn ledgers_that_are_compared_must_have_entries_and_be_completed() {
    let ledger = |name: &str, entries, is_complete| LedgerSummary {
        name: name.to_owned(),
        entries,
        is_complete,
        is_acked: name == "acked",
        is_found: name == "found",
    };
    let account = |entries, is_complete| RunAccount {
        ledgers: vec![ledger("acked", entries, false), ledger("found", 0, is_complete), ledger("other", 0, false)],
        ..tested()
    };
    assert_eq!(vacuities(3, |seed| account(seed, seed == 2)), []);
    let [acked, found] = ["acked", "found"].map(str::to_owned);
    assert_eq!(
        vacuities(3, |_| account(0, false)),
        [Vacuity::NothingAcked { ledger: acked }, Vacuity::NeverCompleted { ledger: found }]
    );
}

#[test]
fn faults_that_never_strike_fail_a_full_campaign_and_no_shorter_one() {
    let injection = |kind: &str, result| InjectionOutcome { kind: kind.to_owned(), result };
    let down = || InjectionResult::MetNothing(Miss::Down);
    let described = || Described { kinds: vec!["kill".to_owned(), "stop".to_owned()], ..Described::default() };
    let account = |struck: bool| RunAccount {
        injections: vec![
            injection("kill", if struck { InjectionResult::Struck } else { down() }),
            injection("stop", down()),
        ],
        described: described(),
        ..tested()
    };
    let why = || Some("met nothing: the process was down".to_owned());
    assert_eq!(vacuities(99, |_| account(false)), []);
    assert_eq!(vacuities(100, |_| account(false)), [Vacuity::NoFaultStruck { why: why() }]);
    let stop = Vacuity::NeverStruck { kind: "stop".to_owned(), why: why() };
    assert_eq!(vacuities(100, |_| account(true)), [stop]);
    // A kind that no seed drew may be drawn by the next campaign.
    let undrawn = || RunAccount {
        injections: vec![injection("kill", InjectionResult::Struck)],
        described: described(),
        ..tested()
    };
    assert_eq!(vacuities(100, |_| undrawn()), []);
}

#[test]
fn a_setup_error_fails_the_campaign_if_every_run_has_it() {
    let error = Misconfiguration::UnknownHost { node: "writer".to_owned(), name: "stoer".to_owned() };
    let account =
        |has_it: bool| RunAccount { setup_errors: if has_it { vec![error.clone()] } else { Vec::new() }, ..tested() };
    assert_eq!(vacuities(10, |seed| account(seed > 0)), []);
    let nodes = vec!["store".to_owned(), "writer".to_owned()];
    assert_eq!(vacuities(10, |_| account(true)), [Vacuity::Setup { error: error.clone(), nodes }]);
}

#[test]
fn a_scenario_without_a_client_and_a_claim_and_faults_on_clients_alone_fail() {
    let service_only = |has_claims| {
        let mut account = tested();
        account.nodes.truncate(1);
        account.described.has_claims = has_claims;
        account
    };
    assert_eq!(vacuities(3, |_| service_only(true)), []);
    assert_eq!(vacuities(3, |_| service_only(false)), [Vacuity::NothingDrives]);
    let on_clients = |seed| RunAccount {
        described: Described { strikes_clients_only: seed < 3, ..Described::default() },
        ..tested()
    };
    assert_eq!(vacuities(3, on_clients), [Vacuity::FaultsOnClientsOnly]);
    assert_eq!(vacuities(4, on_clients), []);
}
