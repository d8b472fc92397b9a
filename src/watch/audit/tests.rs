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

#[test]
fn a_process_that_starts_again_has_ended_before() {
    let log = [
        r#"{"node":"a","fact":"started"}"#,
        r#"{"node":"a","threadId":"ThreadId(2)","fact":"opened","name":"db","object":1}"#,
        r#"{"node":"a","fact":"slots","name":"queue","object":2,"value":1}"#,
        r#"{"node":"a","fact":"started"}"#,
        r#"{"node":"a","threadId":"ThreadId(2)","fact":"opened","name":"db","object":1}"#,
        r#"{"node":"a","threadId":"ThreadId(2)","fact":"used","name":"db","object":1}"#,
        r#"{"node":"b","threadId":"ThreadId(3)","fact":"opened","name":"db","object":1}"#,
    ];
    let audit = check(&log);
    assert_eq!(
        audit.violations,
        [],
        "a restart in production breaks no claim, and neither does a log that begins late"
    );
    let incarnations: Vec<u16> = audit.record.events.iter().map(|event| event.incarnation).collect();
    assert!(incarnations.windows(2).all(|pair| pair[0] <= pair[1] || pair[1] == 1), "{incarnations:?}");
}

#[test]
fn bytes_that_are_not_utf8_do_not_end_the_audit() {
    let log = b"{\"fact\":\"opened\",\"name\":\"d\xffb\",\"object\":1}\n\xff\xfe\n{\"fact\":\"closed\",\"name\":\"db\",\"object\":1}\n\
                {\"fact\":\"used\",\"name\":\"db\",\"object\":1}";
    let audit = audit(&log[..]).expect("a slice can be read");
    assert_eq!((audit.lines, audit.unreadable, audit.not_utf8), (4, 1, Some((2, 1))));
    assert_eq!(audit.violations.len(), 1, "{:?}", audit.violations);
    let lines = super::audited(&audit, "log").iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(lines.last().is_some_and(|line| line.contains("2 not all UTF-8 (the first is line 1)")), "{lines:?}");
}

#[test]
fn a_hostile_log_reaches_the_terminal_as_text() {
    let log = [
        r#"{"node":"\u001b]0;title\u0007\u009b2J\u202e","fact":"opened","name":"d\u001b[2J","object":1}"#,
        r#"{"node":"\u001b]0;title\u0007\u009b2J\u202e","fact":"closed","name":"d\u001b[2J","object":1,"site":"\u007f.rs:1"}"#,
        r#"{"node":"\u001b]0;title\u0007\u009b2J\u202e","fact":"used","name":"d\u001b[2J","object":1,"text":"\u2066x"}"#,
        r#"{"fact":"\u001b[2J"}"#,
    ];
    let audit = check(&log);
    assert_eq!(audit.violations.len(), 1);
    let text: String = super::audited(&audit, "\u{9b}.log").iter().map(|line| format!("{line:#}")).collect();
    let obeyed =
        |letter: char| letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!text.contains(obeyed) && text.contains("\\u{1b}]0;title\\u{7}"), "{text:?}");
}

#[test]
fn a_line_without_end_is_skipped_and_counted() {
    let mut log = vec![b'x'; 3 << 20];
    log.extend(b"\n{\"fact\":\"opened\",\"name\":\"db\"}\n");
    let audit = audit(&log[..]).expect("a slice can be read");
    assert_eq!((audit.lines, audit.unreadable, audit.record.events.len()), (2, 1, 1));
}

#[test]
fn more_nodes_than_there_are_numbers_are_counted() {
    let log: String = (0..70_000).map(|node| format!("{{\"node\":\"n{node}\",\"fact\":\"started\"}}\n")).collect();
    let audit = audit(log.as_bytes()).expect("a slice can be read");
    assert_eq!((audit.lines, audit.of_too_many_nodes), (70_000, 70_000 - 65_535));
}
