//! What is heard of a simulation that is not ours, with one that tests make up.

use super::*;
use afterlife_probe::{Registration, Resource};
use afterlife_sim::event::{NodeId, What};
use std::panic::Location;

/// The simulator of these tests is where it was put.
struct Fixed(Option<(&'static str, u64)>);

impl Simulator for Fixed {
    fn at(&mut self, hearing: &mut Hearing) -> At {
        let who = self.0.map(|(host, _)| (hearing.host(host), 1));
        At { who, task: 0, time_ns: self.0.map(|(_, time_ns)| time_ns), dead: false }
    }
}

fn watch() -> Watching {
    let origin = Origin::of(Location::caller(), "SEED=3 ", None, "");
    Watching::begin(Box::new(Fixed(None)), Hearing::new(0), origin, Box::new(()))
}

fn move_to(host: &'static str, time_ns: u64) {
    heard(|simulator: &mut Fixed, _| simulator.0 = Some((host, time_ns))).expect("it listens");
}

fn nowhere() {
    heard(|simulator: &mut Fixed, _| simulator.0 = None).expect("it listens");
}

#[test]
fn a_use_after_its_end_is_told_with_the_host_and_the_time() {
    let watching = watch();
    move_to("store", 1_000_000);
    let db = Resource::open("db");
    db.close();
    move_to("store", 3_500_000);
    db.used();
    let breach = watching.finish().expect_err("it was closed");
    assert_eq!(breach.violation.sentence, "store used db 2.5 ms after it had closed it");
    let place = file!();
    assert_eq!(breach.signature.0, format!("no-use-after-teardown · db · {place} · {place}"));
    assert!(breach.to_string().contains("replay   SEED=3 cargo test"), "{breach}");
    let (failure, _) =
        crate::failure::record::RecordStore::read(&breach.record.expect("it was written")).expect("it is whole");
    assert!(!failure.is_ours() && failure.finding.token.starts_with("SEED=3 "), "{}", failure.finding.token);
    assert_eq!((failure.finding.signature, failure.totals.events), (breach.signature, breach.events));
}

#[test]
fn what_a_destructor_tells_nowhere_is_its_owners() {
    let mut hearing = Hearing::new(7);
    let host = hearing.host("store");
    let (here, gone) = (At::of((host, 2), Some(9)), At { who: None, ..At::of((host, 2), None) });
    let site = Location::caller();
    let object = hearing.tell(here, &afterlife_probe::Fact::Opened { name: "db", object: 0 }, site);
    hearing.tell(gone, &afterlife_probe::Fact::Closed { name: "db", object }, site);
    hearing.tell(gone, &afterlife_probe::Fact::Phase { name: "over" }, site);
    hearing.tell(At { dead: true, ..here }, &afterlife_probe::Fact::Phase { name: "killed" }, site);
    let heard = hearing.finish();
    let told: Vec<_> = heard.events.iter().map(|event| (event.node, event.incarnation, event.time_ns)).collect();
    assert_eq!(told, [(host, 2, 9), (host, 2, 9), (NodeId(1), 1, 9)]);
    assert_eq!(heard.hosts, ["store", "the test"]);
}

#[test]
fn time_never_goes_back_and_each_event_follows_from_what_its_host_told_before() {
    let mut hearing = Hearing::new(0);
    for (host, time_ns) in [("a", 20), ("b", 10), ("a", 30)] {
        let at = At::of((hearing.host(host), 1), Some(time_ns));
        hearing.happens(at, |name| What::Phase { name: name("ready"), site: name("") });
    }
    let heard = hearing.finish();
    let told: Vec<_> = heard.events.iter().map(|event| (event.time_ns, event.cause.0)).collect();
    assert_eq!(told, [(20, u64::MAX), (20, u64::MAX), (30, 0)]);
}

#[test]
fn what_is_heard_of_late_stands_before_what_it_led_to() {
    let mut hearing = Hearing::new(0);
    let at = At::of((hearing.host("a"), 1), Some(4));
    for text in ["ready", "closed", "ended"] {
        hearing.happens(at, |name| What::Phase { name: name(text), site: name("") });
    }
    hearing.happened(1, at, |name| What::Fault { kind: name("crash"), injection: 0, detail: name("a") });
    hearing.happens(at, |name| What::Phase { name: name("again"), site: name("") });
    hearing.happened(5, at, |name| What::Fault { kind: name("crash"), injection: 0, detail: name("a") });
    let heard = hearing.finish();
    let told: Vec<_> = heard.events.iter().map(|event| (event.seq.0, event.cause.0)).collect();
    assert_eq!(told, [(0, u64::MAX), (1, u64::MAX), (2, 1), (3, 2), (4, 3), (5, 4)]);
    assert!(matches!(heard.events[1].what, What::Fault { .. }));
}

#[test]
fn nobody_misbehaves_in_somebody_elses_simulation() {
    let watching = watch();
    move_to("a", 0);
    assert!((0..1000).all(|_| !afterlife_probe::buggify!("small batches")));
    assert_eq!(watching.finish().expect("nothing was said").events, 0);
}

#[test]
fn a_host_that_speaks_before_it_has_a_name_gets_it_later() {
    let mut hearing = Hearing::new(0);
    let (keeper, nameless) = (hearing.host("keeper"), hearing.host(""));
    let at = At { task: 5, ..At::of((nameless, 1), None) };
    hearing.happens(at, |name| What::Phase { name: name("ready"), site: name("") });
    let life = hearing.next_life(keeper);
    hearing.is(nameless, keeper, life);
    let heard = hearing.finish();
    assert_eq!((heard.events[0].node, heard.events[0].incarnation), (keeper, 2));
    assert_eq!(heard.hosts, ["keeper", "host 1"]);
}

#[test]
fn a_claim_can_be_turned_off_and_a_name_that_is_none_is_refused() {
    let broken = || {
        let callback = Registration::new("progress", 1);
        callback.deregister();
        drop(callback.fire());
    };
    let watching = watch().without("no-callback-after-deregistration");
    nowhere();
    broken();
    assert_eq!(watching.finish().expect("it was turned off").events, 4);
    let refused = std::panic::catch_unwind(|| watch().without("no-callback-after"));
    let why = *refused.err().expect("there is none").downcast::<String>().expect("it is said in words");
    assert!(why.contains("did you mean `no-callback-after-deregistration`?"), "{why}");
}

#[test]
fn equal_tellings_have_equal_digests() {
    let digest = |time_ns| {
        let watching = watch();
        move_to("a", time_ns);
        drop(Resource::open("db"));
        watching.finish().expect("it holds").digest
    };
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}
