//! Audits of logs as programs write them, in the lines that `tracing_subscriber::fmt().json()` prints.

use super::{Audit, audit};

fn check(lines: &[&str]) -> Audit {
    audit(lines.join("\n").as_bytes()).expect("a slice can be read")
}

fn sentences(lines: &[&str]) -> Vec<String> {
    check(lines).violations.into_iter().map(|violation| violation.sentence).collect()
}

#[test]
fn a_use_after_a_close_is_found_in_a_log_that_numbers_its_objects() {
    let log = [
        r#"{"timestamp":"2026-11-22T10:00:00.000100Z","level":"TRACE","fields":{"fact":"opened","name":"db","object":1,"site":"src/a.rs:1"},"target":"afterlife"}"#,
        r#"{"timestamp":"2026-11-22T10:00:00.000200Z","level":"INFO","fields":{"message":"listening"},"target":"app"}"#,
        r#"{"timestamp":"2026-11-22T10:00:00.000300Z","level":"TRACE","fields":{"fact":"closed","name":"db","object":1,"site":"src/a.rs:2"},"target":"afterlife"}"#,
        r#"{"timestamp":"2026-11-22T10:00:00.001700Z","level":"TRACE","fields":{"fact":"used","name":"db","object":1,"text":"apply 41","site":"src/a.rs:3"},"target":"afterlife"}"#,
    ];
    let audit = check(&log);
    let [violation] = &audit.violations[..] else { panic!("one violation: {:?}", audit.violations) };
    assert_eq!(violation.sentence, "the program used db in apply 41, 1.4 ms after it had closed it");
    assert_eq!(audit.line_of[violation.at.0 as usize], 4);
    assert_eq!((audit.lines, audit.record.events.len(), audit.unreadable), (4, 3, 0));
}

#[test]
fn a_program_that_traces_in_its_own_way_needs_no_numbers() {
    let log = [
        r#"{"timestamp":"2026-11-22T10:00:00Z","node":"broker-0","fact":"opened","name":"pool"}"#,
        r#"{"timestamp":"2026-11-22T10:00:01Z","node":"broker-1","fact":"opened","name":"pool"}"#,
        r#"{"timestamp":"2026-11-22T10:00:02Z","node":"broker-0","fact":"closed","name":"pool"}"#,
        r#"{"timestamp":"2026-11-22T10:00:03Z","node":"broker-1","fact":"used","name":"pool"}"#,
        r#"{"timestamp":"2026-11-22T10:00:04Z","node":"broker-0","fact":"opened","name":"pool"}"#,
        r#"{"timestamp":"2026-11-22T10:00:05Z","node":"broker-0","fact":"used","name":"pool"}"#,
        r#"{"timestamp":"2026-11-22T10:00:06Z","node":"broker-1","fact":"closed","name":"pool"}"#,
        r#"{"timestamp":"2026-11-22T10:00:08Z","node":"broker-1","fact":"used","name":"pool"}"#,
    ];
    assert_eq!(sentences(&log), ["broker-1 used pool 2 s after it had closed it"]);
}

#[test]
fn a_call_after_deregistration_is_found_by_the_numbers_of_calls() {
    let log = [
        r#"{"fields":{"fact":"registered","name":"progress","object":3,"text":"q7"}}"#,
        r#"{"fields":{"fact":"call-began","name":"progress","object":3,"part":4}}"#,
        r#"{"fields":{"fact":"call-ended","name":"progress","object":3,"part":4}}"#,
        r#"{"fields":{"fact":"deregistered","name":"progress","object":3}}"#,
        r#"{"fields":{"fact":"call-began","name":"progress","object":3,"part":5}}"#,
    ];
    let found = sentences(&log);
    assert_eq!(found, ["progress q7 of the program was called 1 ns after it had been deregistered"]);
}

#[test]
fn epochs_that_differ_in_their_upper_half_are_two() {
    let log = [
        r#"{"fields":{"fact":"epoch","name":"lease","object":1}}"#,
        r#"{"fields":{"fact":"advanced","name":"lease","object":1,"value":5}}"#,
        r#"{"fields":{"fact":"advanced","name":"lease","object":1,"value":4294967301}}"#,
        r#"{"fields":{"fact":"effect","name":"write","object":1,"value":5}}"#,
    ];
    let found = sentences(&log);
    assert_eq!(found, ["write of lease 5 took effect on the program 1 ns after lease 4294967301 had begun"]);
}

#[test]
fn an_epoch_may_use_all_64_bits() {
    let log = [
        r#"{"fields":{"fact":"epoch","name":"lease","object":1}}"#,
        r#"{"fields":{"fact":"advanced","name":"lease","object":1,"value":18446744073709551615}}"#,
        r#"{"fields":{"fact":"effect","name":"write","object":1,"value":1764518400000}}"#,
    ];
    let found = sentences(&log);
    let expected =
        "write of lease 1764518400000 took effect on the program 1 ns after lease 18446744073709551615 had begun";
    assert_eq!(found, [expected]);
}

#[test]
fn a_declared_resource_keeps_its_number_when_it_opens() {
    let log = [
        r#"{"fields":{"fact":"declared","name":"cluster","object":1}}"#,
        r#"{"fields":{"fact":"opened","name":"cluster","object":1}}"#,
        r#"{"fields":{"fact":"used","name":"cluster","object":1}}"#,
        r#"{"fields":{"fact":"declared","name":"cluster","object":2}}"#,
        r#"{"fields":{"fact":"used","name":"cluster","object":2}}"#,
    ];
    assert_eq!(sentences(&log), ["the program used cluster before it was opened"]);
}

#[test]
fn unreadable_lines_are_counted() {
    let audit = check(&["not json", "", "[1]", r#"{"fields":{"fact":"opend","name":"db"}}"#]);
    assert_eq!((audit.lines, audit.unreadable), (4, 2));
    assert_eq!(audit.unknown.into_iter().collect::<Vec<_>>(), [("opend".to_owned(), 1)]);
}
