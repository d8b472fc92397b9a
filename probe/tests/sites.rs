//! Each fact names the source line that reported it, also when a guard is dropped.
#![cfg(all(feature = "std", not(feature = "off")))]

use afterlife_probe::{Channel, Epoch, Fact, Parts, Progress, Registration, Resource, Scope, Slots, attach};
use std::panic::Location;
use std::sync::Mutex;

/// The kind of each fact, and its line in this file.
static FACTS: Mutex<Vec<(String, u32)>> = Mutex::new(Vec::new());

fn record(fact: &Fact<'_>, site: &'static Location<'static>) -> u64 {
    let kind = Parts::from(fact).kind;
    assert_eq!(site.file(), file!(), "{kind} names {site}");
    let mut facts = FACTS.lock().expect("no test panics while it records");
    facts.push((kind.to_owned(), site.line()));
    facts.len() as u64
}

/// The facts that `program` states: their kinds, and their lines counted from `from`.
fn facts(from: u32, program: impl FnOnce()) -> Vec<(String, u32)> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().expect("no other test has panicked");
    attach(record);
    FACTS.lock().expect("no test panics while it records").clear();
    program();
    let facts = FACTS.lock().expect("no test panics while it records");
    facts.iter().map(|(kind, line)| (kind.clone(), line - from)).collect()
}

fn expected(facts: &[(&str, u32)]) -> Vec<(String, u32)> {
    facts.iter().map(|&(kind, line)| (kind.to_owned(), line)).collect()
}

#[test]
fn a_dropped_guard_names_the_line_that_made_it() {
    let facts = facts(line!(), || {
        let resource = Resource::open("db");
        let borrow = resource.borrow();
        let registration = Registration::new("progress", 7);
        let call = registration.fire();
        let wait = registration.deregistering();
        let channel = Channel::open("watch");
        let slots = Slots::new("permits", 2);
        let slot = slots.take();
        let scope = Scope::new("downloads");
        let task = scope.task("sst-3");
        drop((borrow, resource));
        drop((call, wait, channel, slot, task, scope));
    });
    let ends = [
        ("returned", 2),
        ("closed", 1),
        ("call-ended", 4),
        ("deregistered", 5),
        ("channel-closed", 6),
        ("slot-returned", 8),
        ("task-ended", 10),
        ("scope-closed", 9),
    ];
    assert_eq!(facts[10..], expected(&ends));
}

#[test]
fn a_guard_that_is_ended_names_the_line_that_ends_it() {
    let facts = facts(line!(), || {
        let resource = Resource::open("db");
        resource.borrow().end();
        resource.close();
        drop(resource);
        let registration = Registration::new("progress", 7);
        let call = registration.fire();
        let wait = registration.deregistering();
        call.end();
        wait.end();
        let channel = Channel::open("watch");
        channel.close();
        drop(channel);
        let slot = Slots::new("permits", 2).take();
        slot.release();
        let scope = Scope::new("downloads");
        let task = scope.task("sst-3");
        task.end();
        scope.close();
    });
    let lines = [
        ("opened", 1),
        ("borrowed", 2),
        ("returned", 2),
        ("closed", 3),
        ("registered", 5),
        ("call-began", 6),
        ("deregistering", 7),
        ("call-ended", 8),
        ("deregistered", 9),
        ("channel", 10),
        ("channel-closed", 11),
        ("slots", 13),
        ("slot-taken", 13),
        ("slot-returned", 14),
        ("scope", 15),
        ("task-queued", 16),
        ("task-ended", 17),
        ("scope-closed", 18),
    ];
    assert_eq!(facts, expected(&lines));
}

#[test]
fn a_resource_that_was_declared_names_its_declaration() {
    let facts = facts(line!(), || {
        let resource = Resource::declare("db");
        resource.opening();
        resource.opened();
        drop(resource);
    });
    assert_eq!(facts, expected(&[("declared", 1), ("opening", 2), ("opened", 3), ("closed", 1)]));
}

#[test]
fn an_unwound_guard_names_the_line_that_made_it() {
    let facts = facts(line!(), || {
        let unwound = std::panic::catch_unwind(|| {
            let _resource = Resource::open("db");
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(unwound.is_err());
    });
    assert_eq!(facts, expected(&[("opened", 2), ("closed", 2)]));
}

#[test]
fn a_fact_without_a_guard_names_its_own_line() {
    let facts = facts(line!(), || {
        let term = Epoch::new("term");
        term.advance(5).effect("vote");
        let download = Progress::new("download", 1);
        download.verified();
        download.done();
    });
    let lines =
        [("epoch", 1), ("advanced", 2), ("effect", 2), ("progress", 3), ("item-verified", 4), ("progress-done", 5)];
    assert_eq!(facts, expected(&lines));
}
