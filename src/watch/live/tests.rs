//! Tests of the watch, with a fake simulator.

use super::*;
use afterlife_probe::{Registration, Resource};
use afterlife_sim::event::{NodeId, What};
use std::panic::Location;

/// A simulator at the place that a test sets.
struct Fixed(Option<(&'static str, u64)>);

impl Simulator for Fixed {
    fn at(&mut self, recorder: &mut Recorder) -> At {
        let process = self.0.map(|(host, _)| (recorder.host(host), 1));
        At { process, task: 0, time_ns: self.0.map(|(_, time_ns)| time_ns), dead: false }
    }
}

fn watch() -> Watching {
    let origin = Origin::of(Location::caller(), "SEED=3 ", None, "");
    Watching::begin(Box::new(Fixed(None)), Recorder::new(0), origin, Box::new(()))
}

fn move_to(host: &'static str, time_ns: u64) {
    with_simulator(|simulator: &mut Fixed, _| simulator.0 = Some((host, time_ns))).expect("it listens");
}

fn nowhere() {
    with_simulator(|simulator: &mut Fixed, _| simulator.0 = None).expect("it listens");
}

#[test]
fn a_use_after_its_end_is_reported_with_host_and_time() {
    let watching = watch();
    move_to("store", 1_000_000);
    let db = Resource::open("db");
    db.close();
    move_to("store", 3_500_000);
    db.used();
    let breach = watching.finish().expect_err("it was closed");
    assert_eq!(breach.violation.sentence, "store used db 2.5 ms after it had closed it");
    let place = file!();
    assert_eq!(breach.signature.as_str(), format!("no-use-after-teardown · db · {place} · {place}"));
    assert!(breach.to_string().contains("replay   SEED=3 cargo test"), "{breach}");
    let (failure, _) =
        crate::failure::record::RecordStore::read(&breach.record.expect("it was written")).expect("it is whole");
    assert!(!failure.is_ours() && failure.finding.token.starts_with("SEED=3 "), "{}", failure.finding.token);
    assert_eq!((failure.finding.signature, failure.totals.events), (breach.signature, breach.events));
}

#[test]
fn a_fact_from_a_destructor_outside_of_tasks_belongs_to_its_owner() {
    let mut recorder = Recorder::new(7);
    let host = recorder.host("store");
    let (here, gone) = (At::of((host, 2), Some(9)), At { process: None, ..At::of((host, 2), None) });
    let site = Location::caller();
    let object = recorder.record(here, &afterlife_probe::Fact::Opened { name: "db", object: 0 }, site);
    recorder.record(gone, &afterlife_probe::Fact::Closed { name: "db", object }, site);
    recorder.record(gone, &afterlife_probe::Fact::Phase { name: "over" }, site);
    recorder.record(At { dead: true, ..here }, &afterlife_probe::Fact::Phase { name: "killed" }, site);
    let recording = recorder.finish();
    let recorded: Vec<_> =
        recording.events.iter().map(|event| (event.node, event.incarnation, event.time_ns)).collect();
    assert_eq!(recorded, [(host, 2, 9), (host, 2, 9), (NodeId(1), 1, 9)]);
    assert_eq!(recording.hosts, ["store", "the test"]);
}

#[test]
fn time_never_goes_back_and_each_event_follows_from_the_last_one_of_its_host() {
    let mut recorder = Recorder::new(0);
    for (host, time_ns) in [("a", 20), ("b", 10), ("a", 30)] {
        let at = At::of((recorder.host(host), 1), Some(time_ns));
        recorder.append(at, |name| What::Phase { name: name("ready"), site: name("") });
    }
    let recording = recorder.finish();
    let recorded: Vec<_> = recording.events.iter().map(|event| (event.time_ns, event.cause.0)).collect();
    assert_eq!(recorded, [(20, u64::MAX), (20, u64::MAX), (30, 0)]);
}

#[test]
fn an_event_that_is_reported_late_comes_before_its_effects() {
    let mut recorder = Recorder::new(0);
    let at = At::of((recorder.host("a"), 1), Some(4));
    for text in ["ready", "closed", "ended"] {
        recorder.append(at, |name| What::Phase { name: name(text), site: name("") });
    }
    recorder.insert(1, at, |name| What::Fault { kind: name("crash"), injection: 0, detail: name("a") });
    recorder.append(at, |name| What::Phase { name: name("again"), site: name("") });
    recorder.insert(5, at, |name| What::Fault { kind: name("crash"), injection: 0, detail: name("a") });
    let recording = recorder.finish();
    let recorded: Vec<_> = recording.events.iter().map(|event| (event.seq.0, event.cause.0)).collect();
    assert_eq!(recorded, [(0, u64::MAX), (1, u64::MAX), (2, 1), (3, 2), (4, 3), (5, 4)]);
    assert!(matches!(recording.events[1].what, What::Fault { .. }));
}

#[test]
fn buggify_is_off_in_another_simulators_test() {
    let watching = watch();
    move_to("a", 0);
    assert!((0..1000).all(|_| !afterlife_probe::buggify!("small batches")));
    assert_eq!(watching.finish().expect("nothing was recorded").events, 0);
}

#[test]
fn a_nameless_host_gets_its_name_later() {
    let mut recorder = Recorder::new(0);
    let (keeper, nameless) = (recorder.host("keeper"), recorder.host(""));
    let at = At { task: 5, ..At::of((nameless, 1), None) };
    recorder.append(at, |name| What::Phase { name: name("ready"), site: name("") });
    let incarnation = recorder.next_incarnation(keeper);
    recorder.assign(nameless, keeper, incarnation);
    let recording = recorder.finish();
    assert_eq!((recording.events[0].node, recording.events[0].incarnation), (keeper, 2));
    assert_eq!(recording.hosts, ["keeper", "host 1"]);
}

#[test]
fn a_claim_can_be_turned_off_and_an_unknown_name_is_refused() {
    let broken = || {
        let callback = Registration::new("progress", 1);
        callback.deregister();
        drop(callback.fire());
    };
    let watching = watch().turn_off("no-callback-after-deregistration");
    nowhere();
    broken();
    assert_eq!(watching.finish().expect("it was turned off").events, 4);
    let refused = std::panic::catch_unwind(|| watch().turn_off("no-callback-after"));
    let why = *refused.err().expect("the name is unknown").downcast::<String>().expect("the panic has a text");
    assert!(why.contains("did you mean `no-callback-after-deregistration`?"), "{why}");
}

#[test]
fn equal_recordings_have_equal_digests() {
    let digest = |time_ns| {
        let watching = watch();
        move_to("a", time_ns);
        drop(Resource::open("db"));
        watching.finish().expect("it holds").digest
    };
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}
