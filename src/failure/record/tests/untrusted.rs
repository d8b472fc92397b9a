//! Records that were edited, that are too large, or that hold what a terminal obeys: records come from elsewhere.

use super::*;

fn compressed(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 1).expect("a vector takes every byte")
}

/// The record with the checksum that its lines have.
fn resummed(text: &str) -> String {
    let mut sum = super::super::bounds::LineSum::default();
    let mut lines = Vec::new();
    for line in text.lines() {
        let is_sum = line.starts_with("{\"kind\":\"sum\"");
        lines.push(if is_sum { format!("{{\"kind\":\"sum\",\"fnv\":\"{sum}\"}}") } else { line.to_owned() });
        sum.add(line.as_bytes());
    }
    lines.join("\n") + "\n"
}

fn refused(text: &str) -> String {
    again(&compressed(text)).expect_err("the record was edited").to_string()
}

#[test]
fn an_edited_record_contradicts_itself() {
    let whole = text_of(&written(&sample()));
    let (first, second) =
        (whole.find("\n{\"kind\":\"event\",\"seq\":7,"), whole.find("\n{\"kind\":\"event\",\"seq\":8,"));
    let (first, second) = first.zip(second).expect("the sample has these events");
    let end = second + 1 + whole[second + 1..].find('\n').expect("it has an end");
    let swapped = [&whole[..first], &whole[second..end], &whole[first..second], &whole[end..]].concat();
    let token = sample().finding.token;
    let other = crate::failure::token::Token { seed: 48, ..crate::failure::sample::token() }.to_string();
    let edits = [
        swapped,
        whole.replacen("\"time_ns\":443000007", "\"time_ns\":442999999", 1),
        // A time that is still in order.
        whole.replacen("\"time_ns\":443000000,\"node\":0", "\"time_ns\":442999999,\"node\":0", 1),
        whole.replacen(&token, &other, 1),
        whole.replace(&token, &other),
        whole.replace(&token, "a1-raft-master-7-x; touch FILE #"),
        whole.replace(&token, "rm -rf ."),
        whole.replacen("\"seed\":47", "\"seed\":48", 1),
        whole.replacen("no-use-after-teardown · metadata-db", "no-use-after-teardown · other", 1),
    ];
    assert_eq!(resummed(&whole), whole);
    for (number, edit) in edits.iter().enumerate() {
        assert_ne!(*edit, whole, "nothing was edited");
        let why = refused(edit);
        let in_order = number > 1;
        assert!(
            why.contains("contradicts itself") && (!in_order || why.ends_with("another checksum than it gives")),
            "{why}"
        );
    }
    // Someone who knows of the checksum writes another one. Only the time that is still in order passes then.
    let [swapped, earlier, _, others @ ..] = edits;
    let others = others.map(|edit| refused(&resummed(&edit)));
    insta::assert_snapshot!("edited", [&[refused(&swapped), refused(&earlier)], &others[..]].concat().join("\n"));
}

#[test]
fn an_event_that_points_nowhere_contradicts_the_record() {
    let whole = text_of(&written(&sample()));
    let edited = |change: &dyn Fn(&mut serde_json::Value)| {
        let lines = whole.lines().map(|line| {
            if !line.starts_with("{\"kind\":\"event\",\"seq\":7,") {
                return line.to_owned();
            }
            let mut event = serde_json::from_str(line).expect("a line is JSON");
            change(&mut event);
            // The reader knows a kind of line by its beginning.
            let fields = event.as_object_mut().expect("a line is an object");
            fields.remove("kind");
            format!("{{\"kind\":\"event\",{}", &event.to_string()[1..])
        });
        resummed(&(lines.collect::<Vec<_>>().join("\n") + "\n"))
    };
    assert!(again(&compressed(&edited(&|_| {}))).expect("nothing was changed") == sample());
    for (field, value, why) in [
        ("cause", 7, "event 7 causes event 7, and does not come before it"),
        ("cause", 40_000, "event 40000 causes event 7, and does not come before it"),
        ("node", 300, "event 7 is of node 300, which the record does not have"),
    ] {
        let refused = refused(&edited(&|event| event[field] = value.into()));
        assert!(refused.contains("contradicts itself") && refused.ends_with(why), "{refused}");
    }
}

#[test]
fn a_record_that_would_fill_the_memory_is_refused() {
    let whole = text_of(&written(&sample()));
    let (before, _) = whole.split_once("\n{\"kind\":\"event\"").expect("it has events");
    let long = format!("{before}\n{{\"kind\":\"text\",\"id\":9,\"text\":\"{}\"}}\n", " ".repeat(64 << 20));
    let why = refused(&long);
    assert!(why.ends_with("is larger than a record may be: it has a line of more than 1 MiB"), "{why}");
    let endless = format!("{before}\n{{\"kind\":\"text\",\"id\":9,\"text\":\"{}", " ".repeat(64 << 20));
    assert_eq!(refused(&endless), why);
    let mut failure = sample();
    failure.record.names.push("x".repeat(2 << 20));
    let error = write(&failure, Environment::default(), Program::default(), None, Vec::new())
        .expect_err("nobody could read it");
    assert_eq!(error.to_string(), "a record may not have a line of more than 1 MiB");
}

#[test]
fn what_a_terminal_obeys_is_escaped_in_copied_lines() {
    let mut failure = sample();
    failure.record.nodes[0] = "\u{9b}2J\u{202e}\u{7f}\u{1b}".to_owned();
    let mut lines = Vec::new();
    super::super::read::copy(Path::new("x"), &*written(&failure), &mut lines).expect("it is whole");
    let lines = String::from_utf8(lines).expect("it is text");
    assert!(
        lines.contains("\\u009b2J\\u202e\\u007f\\u001b") && !lines.contains(['\u{9b}', '\u{202e}', '\u{7f}']),
        "{lines}"
    );
}
