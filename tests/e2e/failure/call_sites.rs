//! Call sites in findings: the stack of every deadlocked thread, and the lines that opened, closed and used a descriptor.
//! The code under test has no probes.

use crate::harness::{Module, campaign, scenarios, trials};
use afterlife::Sim;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        two_std_locks_in_two_orders,
        each_joins_the_other,
        a_closed_descriptor_is_written_to,
        a_descriptor_is_closed_twice,
        numbers_are_tried,
    ];
    let trials = trials![
        a_deadlock_names_the_line_at_which_each_thread_waits,
        a_cycle_of_joins_is_reported,
        a_use_after_close_names_the_lines_that_opened_closed_and_used_it,
        a_second_close_is_reported_too,
        a_number_that_was_never_open_is_no_use_after_close,
    ];
    Module::new(scenarios, trials)
}

/// The campaign's only finding: signature, sentence, and stacks as titles and lines.
fn finding(scenario: &str) -> (String, String, Vec<(String, Vec<String>)>) {
    let output = campaign(scenario, "5");
    assert_eq!(output.code, 1, "{output:?}");
    let finding = output.finding();
    let text = |value: &serde_json::Value| value.as_str().expect("it is text").to_owned();
    let array = |value: &serde_json::Value| value.as_array().expect("they are several").clone();
    let stack = |stack: &serde_json::Value| (text(&stack["title"]), array(&stack["lines"]).iter().map(text).collect());
    (text(&finding["signature"]), text(&finding["sentence"]), array(&finding["stacks"]).iter().map(stack).collect())
}

fn site(line: u32) -> String {
    format!("tests/e2e/failure/call_sites.rs:{line}")
}

// -- deadlocks

const FIRST: u32 = line!() + 10;

fn two_std_locks_in_two_orders(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let (locks, both) = (Arc::new((Mutex::new(0), Mutex::new(0))), Arc::new(Barrier::new(2)));
        let other = (locks.clone(), both.clone());
        let second = thread::Builder::new().name("second".to_owned()).spawn(move || {
            let (locks, both) = other;
            let _second = locks.1.lock();
            both.wait();
            drop(locks.0.lock());
        });
        let _first = locks.0.lock();
        both.wait();
        drop(locks.1.lock());
        i32::from(second.expect("the thread starts").join().is_err())
    });
}

fn a_deadlock_names_the_line_at_which_each_thread_waits() {
    let (signature, sentence, stacks) = finding("two_std_locks_in_two_orders");
    assert_eq!(signature, "no-deadlock · its work");
    assert!(sentence.starts_with("client never ends its work"), "{sentence}");
    let titles: Vec<_> = stacks.iter().map(|(title, _)| title.as_str()).collect();
    assert_eq!(
        titles,
        ["thread 0 (main) waits for a lock or a wake-up", "thread 1 (second) waits for a lock or a wake-up"]
    );
    for ((_, lines), line) in stacks.iter().zip([FIRST + 4, FIRST]) {
        assert!(lines.iter().any(|text| text.starts_with(&site(line))), "no line {line} in {lines:?}");
    }
}

fn each_joins_the_other(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let (to_first, of_second) = mpsc::channel::<thread::JoinHandle<()>>();
        let (to_second, of_first) = mpsc::channel::<thread::JoinHandle<()>>();
        let first = thread::spawn(move || drop(of_second.recv().map(thread::JoinHandle::join)));
        let second = thread::spawn(move || drop(of_first.recv().map(thread::JoinHandle::join)));
        to_first.send(second).and_then(|()| to_second.send(first)).expect("both listen");
        thread::park();
        0
    });
}

fn a_cycle_of_joins_is_reported() {
    let (_, sentence, stacks) = finding("each_joins_the_other");
    let titles: Vec<_> = stacks.iter().map(|(title, _)| title.as_str()).collect();
    let expected = [
        "thread 0 (main) waits for a lock or a wake-up",
        "thread 1 (unnamed) waits for the end of thread 2 (unnamed), which waits for it in turn",
        "thread 2 (unnamed) waits for the end of thread 1 (unnamed), which waits for it in turn",
    ];
    assert_eq!(titles, expected);
    assert!(sentence.contains(expected[1]), "{sentence}");
}

// -- descriptors

const OPENED: u32 = line!() + 4;

fn a_closed_descriptor_is_written_to(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let mut file = File::create("/log").expect("the disk is empty");
        file.write_all(b"a line").expect("the disk works");
        let number = file.as_raw_fd();
        drop(file);
        // SAFETY: a buffer of one byte. The number is stale, which `write` answers with an error.
        let written = unsafe { libc::write(number, b"!".as_ptr().cast(), 1) };
        i32::from(written != -1)
    });
}

fn a_use_after_close_names_the_lines_that_opened_closed_and_used_it() {
    let (signature, sentence, _) = finding("a_closed_descriptor_is_written_to");
    assert_eq!(signature, "no-use-after-teardown · descriptor · tests/e2e/failure/call_sites.rs");
    let (used, closed, opened) = (site(OPENED + 5), site(OPENED + 3), site(OPENED));
    let expected = format!(
        "client called `write` on a descriptor that it had closed; used at {used}; closed at {closed}; opened at {opened}"
    );
    assert_eq!(sentence, expected);
}

fn a_descriptor_is_closed_twice(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let file = File::create("/log").expect("the disk is empty");
        // SAFETY: nobody reads or writes through the file afterwards.
        unsafe { libc::close(file.as_raw_fd()) };
        // SAFETY: as above.
        unsafe { libc::close(file.as_raw_fd()) };
        std::mem::forget(file);
        0
    });
}

fn a_second_close_is_reported_too() {
    let (_, sentence, _) = finding("a_descriptor_is_closed_twice");
    assert!(sentence.starts_with("client closed a descriptor that it had closed already; used at"), "{sentence}");
}

fn numbers_are_tried(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let file = File::create("/log").expect("the disk is empty");
        for number in [-1, file.as_raw_fd() + 5, i32::MAX] {
            // SAFETY: it takes no pointer; a number that is not open is an error.
            assert_eq!(unsafe { libc::fsync(number) }, -1);
        }
        thread::sleep(Duration::from_secs(1));
        0
    });
}

fn a_number_that_was_never_open_is_no_use_after_close() {
    let output = campaign("numbers_are_tried", "5");
    assert_eq!(output.code, 0, "{output:?}");
}
