//! Snapshots of every page at 80 columns. The parts of a page have their own tests.

use super::{Human, Json, Line, NoProgress, Paste, WIDTH, differs, matching, page, replayed};
use crate::failure::failing_run::FailingRun;
use crate::failure::record::SavedRecord;
use crate::failure::sample::{abort, crash, crowded, panicked, raft_master, shrunk, token, use_after_teardown};
use crate::failure::shrunk::Shrunk;
use crate::model::build::Build;
use crate::model::terminal::without_escapes;
use crate::scenario::node::Role;
use crate::search::campaign::{
    Account, CampaignOutcome, Counted, FaultTally, LedgerTally, NodeTally, Nondeterminism, Reporter, Vacuity,
};
use crate::search::check::{Difference, Next, Stack};
use crate::search::moment::Moment;
use crate::search::replay::Replayed;
use afterlife_sim::event::Digest;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

fn paste() -> Paste {
    Paste::Program { called: "cargo afterlife".into(), out: None }
}

fn saved() -> SavedRecord {
    SavedRecord {
        id: "002c145c".into(),
        folder: PathBuf::from("target/afterlife/raft-master/002c145c"),
        unwritten: None,
        test: None,
    }
}

/// The tenth event of the sample.
fn moment() -> Moment {
    Moment::of(&Arc::new(use_after_teardown().record), 9).expect("the sample has ten events")
}

fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn plain(lines: &[Line]) -> String {
    lines.iter().map(|line| format!("{line:#}\n")).collect()
}

fn story(failure: &FailingRun) -> Vec<Line> {
    page(failure, Some(&saved()), &paste())
}

fn outcome(findings: Vec<Counted>) -> CampaignOutcome {
    CampaignOutcome {
        scenario: "raft-master".into(),
        build: Build::new("shipped"),
        runs: 2_000,
        regressions: Vec::new(),
        findings,
        nondeterminism: None,
        repeated: 20,
        never: Vec::new(),
        account: Default::default(),
        vacuous: Vec::new(),
        events: 5_822_000,
        digest: Default::default(),
        virtual_ns: 4_000_000_000_000,
        cpu_ns: 3_100_000_000,
        elapsed: Duration::from_millis(1_640),
    }
}

/// The account of a campaign with some of everything.
fn account() -> Account {
    let node = |name: &str, role, succeeded, failure: Option<&str>| NodeTally {
        name: name.to_owned(),
        role,
        runs: 2_000,
        succeeded,
        first_failure: failure.map(str::to_owned),
    };
    let fault = |struck, missed| FaultTally { struck, missed, ..FaultTally::default() };
    let ledger = |name: &str, entries| LedgerTally {
        name: name.to_owned(),
        entries,
        complete: 2_000,
        is_acked: name == "acked",
        is_found: name == "found",
    };
    let faults = [("kill", fault(1_204, 31)), ("stop", fault(980, 0)), ("slow-disk", fault(0, 0))];
    Account {
        faults: faults.into_iter().map(|(kind, fault)| (kind.to_owned(), fault)).collect(),
        restarts: 2_184,
        nodes: vec![
            node("broker-0", Role::Service, 2_000, None),
            node("producer", Role::Client, 1_998, Some("connect to broker-0:7000: connection refused")),
            node("auditor", Role::Verifier, 1_990, None),
        ],
        ledgers: vec![ledger("acked", 199_650), ledger("found", 199_650)],
        runs: 2_000,
        has_claims: true,
        ..Account::default()
    }
}

fn counted(failure: &FailingRun, times: u64) -> Counted {
    Counted { finding: failure.finding.clone(), injections: failure.injections(), replays: 0, times }
}

fn closing(outcome: &CampaignOutcome) -> String {
    let mut written = Vec::new();
    Human::new(&mut written, paste(), NoProgress).end(outcome);
    without_escapes(&String::from_utf8(written).expect("reports are text")).into_owned()
}

#[test]
fn a_use_after_teardown_fits_on_one_page() {
    insta::assert_snapshot!("use_after_teardown", plain(&story(&use_after_teardown())));
}

#[test]
fn the_message_of_a_panic_and_the_last_words_of_a_process_are_whole() {
    insta::assert_snapshot!("panicked", plain(&story(&panicked())));
}

#[test]
fn a_failure_in_another_simulator_has_no_plan_and_is_replayed_by_its_test() {
    let mut failure = use_after_teardown();
    failure.finding.plan.injections.clear();
    failure.finding.token = "cargo test -p shop orders -- --exact --nocapture  # with the same rng_seed".into();
    let page = plain(&story(&failure));
    insta::assert_snapshot!(page.split_once("\n\n  replay").expect("a line has the command that replays it").1, @r"
       cargo test -p shop orders -- --exact --nocapture  # with the same rng_seed
      show     cargo afterlife show 002c145c
      record   target/afterlife/raft-master/002c145c
    ");
    assert!(page.contains("  7 of 2 911 events\n") && !page.contains("injection"), "{page}");
}

#[test]
fn a_shrunk_plan_shows_what_it_takes_and_what_it_does_not_take() {
    insta::assert_snapshot!("shrunk", plain(&story(&shrunk())));
}

#[test]
fn a_page_says_only_what_was_established() {
    let mut failure = shrunk();
    let Some(shrunk) = &mut failure.shrunk else { panic!("it was shrunk") };
    (shrunk.whole, shrunk.seeds, shrunk.not) = (false, (4, 3), Vec::new());
    failure.finding.plan.injections.clear();
    let page = plain(&story(&failure));
    let shown: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("  it t") || line.contains("perhaps") || line.starts_with("  it d"))
        .collect();
    assert_eq!(
        shown,
        ["  it takes          no faults", "                    perhaps less: shrinking stopped after 23 replays"]
    );
}

#[test]
fn the_same_page_in_colour_has_the_same_text() {
    let page = story(&use_after_teardown());
    insta::assert_snapshot!("use_after_teardown_in_colour", text(&page).replace('\u{1b}', "ESC"));
    assert_eq!(without_escapes(&text(&page)), plain(&page));
}

#[test]
fn a_run_whose_process_died_says_what_is_unknown() {
    insta::assert_snapshot!("abort", plain(&story(&abort())));
}

#[test]
fn the_story_of_the_shipped_raft_master_leads_from_the_request_to_the_use() {
    let page = story(&raft_master());
    insta::assert_snapshot!("raft_master", plain(&page));
    insta::assert_snapshot!("raft_master_in_colour", text(&page).replace('\u{1b}', "ESC"));
    assert_eq!(without_escapes(&text(&page)), plain(&page));
}

#[test]
fn a_crash_shows_its_causes() {
    insta::assert_snapshot!("crash", plain(&story(&crash())));
}

#[test]
fn no_page_is_longer_than_thirty_lines_or_wider_than_the_terminal() {
    for failure in [use_after_teardown(), raft_master(), shrunk(), shrunk_and_crowded(), abort(), crash(), crowded()] {
        let page = story(&failure);
        assert!(crate::failure::story::Story::of(&failure).steps.len() <= 12, "{}", plain(&page));
        assert!(page.len() <= 30, "{} lines:\n{}", page.len(), plain(&page));
        for line in &page {
            assert!(line.width() <= WIDTH, "{} columns: {line}", line.width());
        }
    }
}

/// A crowded plan from which shrinking removed nothing.
fn shrunk_and_crowded() -> FailingRun {
    let shrunk =
        shrunk().shrunk.map(|shrunk| Shrunk { whole: false, not: crowded().finding.plan.injections, ..shrunk });
    FailingRun { shrunk, ..crowded() }
}

#[test]
fn long_texts_are_cut_where_least_is_lost() {
    insta::assert_snapshot!("crowded", plain(&story(&crowded())));
}

#[test]
fn every_outcome_of_a_campaign_has_its_closing_lines() {
    let broke = outcome(vec![counted(&use_after_teardown(), 7)]);
    let never =
        CampaignOutcome { never: vec!["a broker restarts".into(), "a batch is lost".into()], ..outcome(Vec::new()) };
    let short = CampaignOutcome { runs: 10, ..never.clone() };
    let happens = |claim: &str| Vacuity::NeverHappened { claim: claim.to_owned() };
    let why = Some("connect to broker-0:7000: connection refused".to_owned());
    let vacuous = CampaignOutcome {
        vacuous: vec![
            Vacuity::NeverSucceeded { node: "producer".into(), role: Role::Client, why },
            Vacuity::NothingAcked { ledger: "acked".into() },
            happens("a broker restarts"),
        ],
        account: account(),
        ..never.clone()
    };
    let nondeterminism = Nondeterminism {
        seed: 47,
        first: (Digest(1, 2), None),
        second: (Digest(3, 4), Some(use_after_teardown().finding.signature)),
    };
    let differing = CampaignOutcome { nondeterminism: Some(nondeterminism), ..outcome(Vec::new()) };
    let tested = CampaignOutcome { account: account(), ..outcome(Vec::new()) };
    let nothing = without_run();
    let all = [outcome(Vec::new()), tested, broke, vacuous, short, differing, nothing].map(|outcome| closing(&outcome));
    insta::assert_snapshot!("closing", all.join("\n"));
}

fn without_run() -> CampaignOutcome {
    CampaignOutcome { runs: 0, events: 0, vacuous: vec![Vacuity::NoRun], ..outcome(Vec::new()) }
}

#[test]
fn a_campaign_without_a_run_is_no_passing_case() {
    let mut junit = crate::report::Junit::new(paste());
    junit.end(&without_run());
    let text = junit.text().expect("it can be written");
    assert!(
        text.contains("nothing was tested")
            && text.contains("the shard has no seed")
            && text.contains("failures=\"1\"")
            && !text.contains("held in"),
        "{text}"
    );
}

#[test]
fn every_result_of_a_replay_has_its_lines() {
    let token = token();
    let all = [
        Replayed::Broke(Box::new(abort())),
        Replayed::Held(Box::new(crate::runner::fake::held(&token.request(true)))),
        Replayed::Nondeterministic([Digest(1, 2), Digest(3, 4)]),
        Replayed::PlanUnfit { node: 7, nodes: 3 },
        Replayed::NothingStruck { injections: 2, reply: Box::new(crate::runner::fake::held(&token.request(true))) },
        Replayed::RecordUnfit { expected: Digest(1, 2), met: Digest(3, 4), first: Some([Some(moment()), None]) },
        Replayed::CutShort {
            until_ns: 440_000_000,
            reply: Box::new(crate::run::request::Reply {
                record: Some(use_after_teardown().record),
                ..crate::runner::fake::held(&token.request(true))
            }),
        },
    ];
    let all = all.map(|outcome| plain(&replayed(&outcome, &token, &paste(), None)));
    insta::assert_snapshot!("replayed", all.join("\n"));
}

#[test]
fn a_check_names_the_first_event_that_differs_and_both_stacks() {
    let stack = |like, text: &str| Stack { like, event: Some(moment()), text: text.into() };
    let difference = Difference {
        seed: 47,
        common: 9,
        digests: [Digest(1, 2), Digest(3, 4)],
        events: [Next::Event(moment()), Next::End],
        stacks: vec![stack(Some(0), "0: main\n1: start"), stack(None, "0: main")],
    };
    let mut lines = differs("raft-master", Build::new("shipped"), &difference);
    lines.push(matching("raft-master", Build::new("sound"), 10));
    insta::assert_snapshot!("checked", plain(&lines));
}

#[test]
fn the_json_summary_has_the_documented_keys_in_order() {
    let last = |outcomes: &[CampaignOutcome]| {
        let mut lines = Vec::new();
        Json::new(&mut lines).summary(outcomes);
        String::from_utf8(lines).expect("reports are text")
    };
    let all = [
        last(&[outcome(vec![counted(&use_after_teardown(), 7)])]),
        last(&[outcome(Vec::new())]),
        last(&[outcome(Vec::new()), outcome(vec![counted(&abort(), 1)])]),
    ];
    insta::assert_snapshot!("json_summary", all.concat());
}

#[test]
fn a_finding_is_one_json_object_on_one_line() {
    let mut lines = Vec::new();
    let mut json = Json::new(&mut lines);
    json.failure(&use_after_teardown(), &saved());
    json.end(&CampaignOutcome { never: vec!["a broker restarts".into()], ..outcome(Vec::new()) });
    insta::assert_snapshot!("json_finding", String::from_utf8(lines).expect("reports are text"));
}
