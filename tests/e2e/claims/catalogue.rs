//! Every invariant of the catalogue in whole runs: one scenario breaks it, and its neighbour only just keeps it.
//! The violation needs an order of events or a fault, and therefore the right seed. The neighbour has the same load and faults,
//! and a `sometimes` claim shows that it came close.

use super::pairs::{coordinator, errors, loader, small, store, tablet};
use crate::harness::{Module, campaign, cli, scenario, trial, trials};
use afterlife::{Scenario, Sim};
use std::collections::BTreeSet;

/// Seeds for which the neighbour must hold.
const KEPT: u64 = 200;

/// An invariant, the scenario that breaks it within this many seeds, and the one that keeps it.
struct Pair {
    id: &'static str,
    within: u64,
    breaks: (&'static str, fn(&mut Sim)),
    keeps: (&'static str, fn(&mut Sim)),
}

macro_rules! pairs {
    ($($id:literal: $module:ident::$breaks:ident within $within:literal, $keeps:ident;)*) => {
        vec![$(Pair {
            id: $id,
            within: $within,
            breaks: (stringify!($breaks), $module::$breaks),
            keeps: (stringify!($keeps), $module::$keeps),
        }),*]
    };
}

fn pairs() -> Vec<Pair> {
    pairs![
        "always": small::a_ballot_is_taken_as_it_comes within 10, a_ballot_is_taken_if_it_is_higher;
        "blast-radius": tablet::a_tablet_ends_with_its_session within 20, a_tablet_outlives_its_session;
        "bounded-request": small::a_length_is_read_from_anothers_text within 20, a_length_is_read_from_ones_own_bytes;
        "bounded-shutdown": store::a_stop_waits_for_a_disk within 50, a_stop_waits_for_a_disk_for_a_while;
        "notify-before-close": tablet::a_watch_that_is_reset_just_closes within 20, a_watch_that_is_reset_says_so;
        "close-once": small::a_session_is_closed_from_both_sides within 20, a_session_is_closed_by_the_first_side;
        "closed-or-open": tablet::a_panic_leaves_the_engine_half_open within 20, a_panic_closes_the_engine;
        "honest-progress": loader::a_file_of_an_old_round_is_counted within 20, a_file_of_an_old_round_is_dropped;
        "joined-before-teardown": store::a_store_closes_under_its_writer within 20, a_store_waits_for_its_writer;
        "no-callback-after-deregistration": coordinator::a_status_is_reported_late within 20, queries_end_in_order;
        "no-client-error": errors::a_client_connects_before_its_server_listens within 20, a_client_connects_until_its_server_listens;
        "no-crash-loop": tablet::a_job_without_a_position_is_fatal within 20, a_job_without_a_position_begins_anew;
        "no-deadlock": small::transfers_lock_in_two_orders within 50, transfers_lock_in_one_order;
        "no-silent-panic": tablet::a_detached_task_expects_too_much within 20, a_detached_task_bears_errors;
        "no-spin": tablet::a_stream_that_has_ended_is_read_on within 20, a_stream_that_has_ended_is_looked_at_now_and_then;
        "no-stale-epoch-effect": loader::a_file_of_an_old_round_is_stored within 20, a_file_of_an_old_round_is_dropped;
        "no-stale-message": small::a_new_incarnation_listens_at_once within 20, a_new_incarnation_waits_until_old_messages_are_gone;
        "no-unprovoked-exit": errors::a_service_ends_because_its_store_does_not_listen within 20, a_service_waits_until_its_store_listens;
        "no-use-after-teardown": store::a_writer_goes_on_after_the_close within 20, a_writer_ends_before_the_close;
        "no-use-before-init": small::a_heartbeat_comes_too_early within 20, an_early_heartbeat_is_sent_away;
        "nothing-left": store::a_writer_outlives_its_service within 50, no_writer_outlives_its_service;
        "own-entry-only": coordinator::a_query_takes_out_anothers_entry within 20, queries_end_in_order;
        "recovers": tablet::an_answer_is_awaited_without_a_deadline within 20, a_request_is_sent_again;
        "slots-conserved": loader::a_place_is_given_back_twice within 20, a_file_of_an_old_round_is_dropped;
    ]
}

/// An invariant whose two tests are elsewhere, by file and by the names of the tests.
struct Elsewhere {
    id: &'static str,
    file: &'static str,
    text: &'static str,
    breaks: &'static str,
    keeps: &'static str,
}

macro_rules! elsewhere {
    ($($id:literal: $file:literal, $breaks:literal, $keeps:literal;)*) => {
        &[$(Elsewhere {
            id: $id,
            file: $file,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $file)),
            breaks: $breaks,
            keeps: $keeps,
        }),*]
    };
}

const ELSEWHERE: &[Elsewhere] = elsewhere![
    "eventually": "tests/e2e/claims/temporal.rs",
        "eventually_breaks_if_the_run_ends_first",
        "eventually_counts_from_the_end_of_the_last_fault";
    "no-crash": "tests/e2e/claims/process_ends.rs",
        "a_segmentation_fault_breaks_no_crash",
        "a_crash_that_is_off_or_known_is_no_finding";
    "no-unsupported-call": "tests/e2e/claims/process_ends.rs",
        "an_unsupported_call_breaks_its_invariant",
        "an_unsupported_call_that_is_off_or_known_is_no_finding";
    "nothing-acked-is-lost": "tests/e2e/disk/careless_store.rs",
        "a_store_that_acknowledges_before_it_syncs_is_caught_within_200_seeds",
        "a_store_that_syncs_before_it_acknowledges_holds";
    // No program can break this one, because the kernel does not allow it. It is tested against hand-written events, and every run
    // is checked against it.
    "one-incarnation": "src/invariant/one_incarnation.rs",
        "an_incarnation_that_begins_before_the_last_one_ended_breaks_it",
        "one_incarnation_after_the_other_holds";
];

pub(crate) fn module() -> Module {
    let pairs = pairs();
    let mut scenarios: Vec<Scenario> = vec![scenario("mistyped", mistyped)];
    let mut known = BTreeSet::new();
    let all = pairs.iter().flat_map(|pair| [pair.breaks, pair.keeps]).filter(|(name, _)| known.insert(*name));
    scenarios.extend(all.map(|(name, script)| scenario(name, script)));
    let mut trials = trials![
        every_invariant_has_a_scenario_that_breaks_it_and_one_that_keeps_it,
        a_mistyped_invariant_is_refused_with_its_call_site_and_the_nearest_name
    ];
    let mut kept = BTreeSet::new();
    for Pair { id, within, breaks: (breaks, _), keeps: (keeps, _) } in pairs {
        let path = |scenario| format!("{}::{id}::{scenario}", module_path!());
        trials.push(trial(&path(breaks), move || is_broken(id, breaks, within)));
        if kept.insert(keeps) {
            trials.push(trial(&path(keeps), move || is_kept(keeps)));
        }
    }
    Module::new(scenarios, trials)
}

fn is_broken(id: &str, scenario: &str, within: u64) {
    let output = campaign(scenario, &within.to_string());
    let findings = output.findings();
    let broken: BTreeSet<_> = findings.iter().filter_map(|finding| finding["invariant"].as_str()).collect();
    let only_this = output.code == 1 && broken.contains(id) && broken.len() == 1;
    assert!(only_this, "{scenario} broke {broken:?} within {within} seeds: {output:?}");
}

fn is_kept(scenario: &str) {
    let output = campaign(scenario, &KEPT.to_string());
    let holds = output.code == 0 && output.findings().is_empty();
    assert!(holds, "{scenario} did not hold for {KEPT} seeds: {output:?}");
}

fn every_invariant_has_a_scenario_that_breaks_it_and_one_that_keeps_it() {
    let here: Vec<&str> = pairs().iter().map(|pair| pair.id).chain(ELSEWHERE.iter().map(|pair| pair.id)).collect();
    let catalogue: BTreeSet<&str> = afterlife::invariants().iter().map(|invariant| invariant.id).collect();
    let unknown: Vec<_> = here.iter().filter(|id| !catalogue.contains(*id)).collect();
    assert!(unknown.is_empty(), "no such invariants: {unknown:?}");
    let without: Vec<_> = catalogue.iter().filter(|id| !here.contains(id)).collect();
    assert!(without.is_empty(), "invariants without a scenario that breaks them and one that keeps them: {without:?}");
    assert_eq!(here.len(), catalogue.len(), "each once");
    for pair in ELSEWHERE {
        for test in [pair.breaks, pair.keeps] {
            assert!(pair.text.contains(&format!("fn {test}()")), "{}: {} has no test {test}", pair.id, pair.file);
        }
    }
}

fn mistyped(sim: &mut Sim) {
    sim.turn_off("no-crashloop");
    sim.client_main("client", |_| 0);
}

fn a_mistyped_invariant_is_refused_with_its_call_site_and_the_nearest_name() {
    let output = cli(&["run", "mistyped", "--seeds", "1"]);
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.err.contains("tests/e2e/claims/catalogue.rs:"), "{}", output.err);
    assert!(output.err.contains("no invariant `no-crashloop`: did you mean `no-crash-loop`?"), "{}", output.err);
}
