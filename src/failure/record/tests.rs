//! Records are read as they were written: any record, the sample of the format, and incomplete records.
//! `store.rs` tests the names that records are found by.

mod untrusted;

use super::environment::Environment;
use super::error::RecordError;
use super::program::Program;
use super::read::read;
use super::write::write;
use crate::failure::failing_run::{FailingRun, Totals};
use crate::failure::finding::Finding;
use crate::failure::sample::use_after_teardown;
use crate::fault::{Fault, Injection, Plan, Trigger};
use crate::model::build::Build;
use crate::model::violation::Violation;
use crate::run::request::{Ended, Record, Stack};
use afterlife_sim::choice::{Asked, Question};
use afterlife_sim::event::{
    Death, Digest, Event, Leak, Name, NodeId, ProbeEvent, Seq, Socket, SocketStatus, Transport, Waiting, What,
};
use afterlife_sim::{LogLine, Source};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::path::Path;
use std::time::Duration;

/// The number of kinds of events, now and when format 1 was first written.
const KINDS: u8 = 51;
const KINDS_THEN: u8 = 45;

/// The content of an event of this kind, made from these numbers.
fn what(kind: u8, a: u64, b: u64) -> What {
    let (low, high, name, other) = (a as u32, (a >> 32) as u32, Name(a as u32), Name(b as u32));
    let (site, conn) = (Name((b >> 32) as u32), b as u32);
    match kind % KINDS {
        0 => What::Started,
        1 => What::StopRequested { budget_ns: a },
        2 => What::Exited { how: death(a) },
        3 => What::ThreadStarted { thread: low },
        4 => What::ThreadEnded,
        5 => What::Panicked { message: name, site },
        6 => What::Listening { port: a as u16 },
        7 => What::Connecting { to: NodeId(a as u16), port: b as u16, conn },
        8 => What::Connected { conn },
        9 => What::Accepted { conn },
        10 => What::Refused { conn },
        11 => What::Sent { conn, bytes: low },
        12 => What::Delivered { conn, bytes: low },
        13 => What::Finished { conn },
        14 => What::Reset { conn },
        15 => What::TimedOut { conn },
        16 => What::FileOpened { path: name },
        17 => What::FileSynced { path: name, took_ns: b },
        18 => What::EntryChanged { path: name },
        19 => What::BadDescriptor { fd: low as i32, function: other },
        20 => What::TimerFired,
        21 => What::ResourceOpened { name, object: high, generation: conn, site },
        22 => What::ResourceUsed { name, object: high, by: other, site },
        23 => What::ResourceClosed { name, object: high, site },
        24 => What::Phase { name, site },
        25 => What::Claim { claim: name, always: a & 1 == 0, held: b & 1 == 0, site },
        26 => What::Reached { name, site },
        27 => What::Noted { ledger: name, entry: other, site: Name::NONE },
        28 => What::Fault { kind: name, injection: conn, detail: other },
        29 => What::Healed { kind: name, injection: conn },
        30 => What::Line { text: name },
        31 => What::Probe { step: step(a), name, object: high, number: conn.into(), site },
        32 => What::Quiescent,
        33 => What::Paused,
        34 => What::Resumed,
        35 => What::Signalled { signal: low as i32 },
        36 => What::MemoryUsed { live: a, peak: b },
        37 => What::Allocated { bytes: a },
        38 => What::LongPath { bytes: low },
        39 => {
            What::Leaked { kind: [Leak::Thread, Leak::Task, Leak::Socket, Leak::Lock][a as usize % 4], call_site: conn }
        }
        40 => What::Spun { calls: a },
        41 => What::Dropped { to: NodeId(a as u16), bytes: conn },
        42 => What::Stale { of: NodeId(a as u16), incarnation: high as u16, conn },
        43 => What::DiskFailed { path: name, errno: conn as i32 },
        44 => What::StopRepeated,
        45 => What::Waits {
            on: [Waiting::Main, Waiting::Task, Waiting::Futex, Waiting::Socket][a as usize % 4],
            object: high,
            name,
            call_site: conn,
            since_ns: b,
        },
        46 => What::StillOpen { conn, unread_bytes: high, unsent_bytes: low, used_ns: b },
        47 => What::Completed { ledger: name, entries: high, site },
        48 => What::FileWritten { path: name },
        49 => What::DataLost { path: name, bytes: b },
        _ => What::FileLost { path: name },
    }
}

fn death(a: u64) -> Death {
    let number = (a >> 8) as i32;
    let deaths = [
        Death::Exit { code: number },
        Death::Panic,
        Death::Abort,
        Death::Kill,
        Death::Overrun,
        Death::PowerLoss,
        Death::OutOfMemory,
        Death::Signal { signal: number },
    ];
    deaths[a as usize % deaths.len()]
}

fn step(a: u64) -> ProbeEvent {
    [
        ProbeEvent::Declared,
        ProbeEvent::Borrowed,
        ProbeEvent::CallBegan,
        ProbeEvent::TaskEnded,
        ProbeEvent::EntryMade,
        ProbeEvent::Buggified,
    ][a as usize % 6]
}

fn event() -> impl Strategy<Value = Event> {
    (any::<[u64; 4]>(), any::<u8>(), any::<bool>(), any::<[u16; 2]>(), any::<u32>()).prop_map(
        |([time_ns, task, a, b], kind, caused, [node, incarnation], thread)| Event {
            seq: Seq(0),
            time_ns,
            node: NodeId(node),
            incarnation,
            thread,
            task: if task & 1 == 0 { 0 } else { task },
            cause: if caused { Seq(b) } else { Seq::NONE },
            what: what(kind, a, b),
        },
    )
}

fn line() -> impl Strategy<Value = LogLine> {
    let source = prop::sample::select(vec![Source::Stdout, Source::Stderr, Source::Error, Source::Info, Source::Trace]);
    (any::<[u64; 2]>(), any::<u16>(), any::<u16>(), any::<u32>(), source, ".*", ".*").prop_map(
        |([events, time_ns], node, incarnation, thread, source, target, text)| LogLine {
            events: events % 20,
            time_ns,
            node: NodeId(node),
            incarnation,
            thread,
            source,
            target,
            text,
        },
    )
}

fn asked() -> impl Strategy<Value = Asked> {
    let question =
        prop::sample::select(vec![Question::Turn, Question::Latency, Question::PowerLoss, Question::Buggify]);
    (any::<[u64; 5]>(), question).prop_map(|([events, who, occurrence, bound, answer], question)| Asked {
        events: events % 20,
        question,
        who,
        occurrence,
        bound,
        answer,
    })
}

fn socket() -> impl Strategy<Value = Socket> {
    (any::<[u64; 2]>(), any::<u16>(), any::<Option<i32>>(), any::<Option<u32>>(), ".*", ".*").prop_map(
        |([unread_bytes, unsent_bytes], node, fd, conn, local, peer)| Socket {
            node: NodeId(node),
            incarnation: 2,
            fd,
            transport: Transport::Udp,
            status: SocketStatus::HalfOpen,
            local,
            peer,
            unread_bytes,
            unsent_bytes,
            conn,
        },
    )
}

fn record() -> impl Strategy<Value = Record> {
    let texts = (vec(".*", 0..9), vec(".*", 0..4), btree_map(any::<u32>(), ".*", 0..4));
    let stack = (".*", vec(".*", 0..3)).prop_map(|(title, lines)| Stack { title, lines });
    let run = (vec(event(), 0..20), vec(line(), 0..9), vec(asked(), 0..20), vec(socket(), 0..3), vec(stack, 0..3));
    (texts, run).prop_map(|((mut names, nodes, places), (mut events, lines, choices, sockets, stacks))| {
        names.insert(0, String::new());
        let mut times: Vec<u64> = events.iter().map(|event| event.time_ns).collect();
        times.sort_unstable();
        let order = (0..).zip(times);
        for ((seq, time_ns), event) in order.zip(&mut events) {
            (event.seq, event.time_ns) = (Seq(seq), time_ns);
            // A record's events come after their causes, and are of nodes that the record has.
            event.cause = if event.cause.0 < u64::MAX && seq > 0 { Seq(event.cause.0 % seq) } else { Seq::NONE };
            event.node = match event.node.0.checked_rem(nodes.len() as u16) {
                Some(node) => NodeId(node),
                None => NodeId::SIMULATION,
            };
        }
        let awaited = places.iter().take(1).map(|(id, line): (&u32, &String)| (*id, line.clone())).collect();
        let digests = Vec::new();
        Record { names, nodes, events, sockets, digests, places, awaited, stacks, lines, strayed: false, choices }
    })
}

fn failure() -> impl Strategy<Value = FailingRun> {
    let ended = prop::sample::select(vec![
        Ended::Whole,
        Ended::Signal { signal: 11, node: Some("a".into()) },
        Ended::Unsupported { subject: "a".into(), message: "b".into() },
        Ended::Code { code: 3, message: "b".into() },
        Ended::Spin { node: None, bound_ms: 10 },
        Ended::Asleep { node: None, bound_ms: 10 },
    ]);
    (record(), ended, any::<[u64; 4]>(), any::<Option<String>>(), vec(".*", 3)).prop_map(
        |(record, ended, [at, seed, digest, time_ns], stack, texts)| {
            let violation = Violation {
                invariant: texts[0].clone(),
                class: texts[1].clone(),
                sites: texts.clone(),
                subject: texts[2].clone(),
                sentence: texts.concat(),
                at: Seq(at),
                turning: vec![Seq(seed), Seq::NONE],
                origins: Vec::new(),
            };
            let injection = Injection {
                trigger: Trigger::at(Duration::from_nanos(time_ns)),
                fault: Fault::kill(NodeId(1), Duration::from_nanos(at)),
            };
            let finding = Finding {
                signature: violation.signature(),
                violation,
                first_run: at,
                seed,
                plan: Plan { injections: vec![injection] },
                digest: Digest(digest, !digest),
                // Of another version, so that it names no run.
                token: "a1-raft-master-7-AgQBAAkD".into(),
            };
            let sample = use_after_teardown();
            FailingRun { finding, record, ended, stack, build: Build::new("patched"), also: Vec::new(), ..sample }
        },
    )
}

fn written(failure: &FailingRun) -> Vec<u8> {
    let program = Program { name: "hunt".into(), bytes: 7, sum: "0123456789abcdef".into() };
    let environment = Environment { os: "linux".into(), context_switch: "user-space".into(), ..Environment::default() };
    write(failure, environment, program, None, Vec::new()).expect("a vector takes every byte")
}

fn again(bytes: &[u8]) -> Result<FailingRun, RecordError> {
    read(Path::new("record.jsonl.zst"), bytes).map(|(failure, _)| failure)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_record_is_read_as_it_was_written(failure in failure()) {
        prop_assert_eq!(again(&written(&failure)).expect("it is whole"), failure);
    }

    #[test]
    fn a_truncated_record_is_an_error(failure in failure(), cut in any::<prop::sample::Index>()) {
        let bytes = written(&failure);
        let cut = 4 + cut.index(bytes.len() - 4);
        let error = again(&bytes[..cut]).expect_err("it is not whole");
        prop_assert!(matches!(error, RecordError::Truncated { .. } | RecordError::Foreign { .. }), "{}", error);
    }

    #[test]
    fn a_changed_byte_never_gives_another_record(failure in failure(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut bytes = written(&failure);
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        if let Ok(other) = again(&bytes) {
            prop_assert_eq!(other, failure);
        }
    }
}

/// Every kind of event, line and choice.
fn sample() -> FailingRun {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let mut record = Record {
        names: texts(&["", "metadata-db", "src/server.rs:88", "apply 41"]),
        nodes: texts(&["master-0", "client"]),
        ..Record::default()
    };
    let first = Event {
        seq: Seq(0),
        time_ns: 0,
        node: NodeId::SIMULATION,
        incarnation: 0,
        thread: 0,
        task: 0,
        cause: Seq::NONE,
        what: What::Fault { kind: Name(1), injection: 0, detail: Name::NONE },
    };
    record.events.push(first);
    for kind in 0..KINDS_THEN {
        let (a, b) = (u64::from(kind) << 32 | 3, 5 << 32 | u64::from(kind));
        let (seq, time_ns) = (Seq(1 + u64::from(kind)), 443_000_000 + u64::from(kind));
        let event = Event { seq, time_ns, node: NodeId(0), incarnation: 1, cause: Seq(u64::from(kind)), ..first };
        record.events.push(Event { task: seq.0 % 3, what: what(kind, a, b), ..event });
    }
    record.places.insert(3, "src/server.rs:88".into());
    record.stacks.push(Stack { title: "used".into(), lines: vec!["src/server.rs:88  apply".into()] });
    record.sockets.push(Socket {
        node: NodeId(0),
        incarnation: 1,
        fd: Some(4),
        transport: Transport::Tcp,
        status: SocketStatus::Listening,
        local: "0.0.0.0:7000".into(),
        peer: String::new(),
        unread_bytes: 0,
        unsent_bytes: 1,
        conn: None,
    });
    for (events, source) in (0..).zip([
        Source::Stdout,
        Source::Stderr,
        Source::Error,
        Source::Warn,
        Source::Info,
        Source::Debug,
        Source::Trace,
    ]) {
        let (node, target, text) = (NodeId(0), "raft".to_owned(), format!("line {events} \u{2192} \"a\""));
        record.lines.push(LogLine { events, time_ns: events, node, incarnation: 1, thread: 0, source, target, text });
    }
    use Question::*;
    // Numbers 9 and 11 were questions that nothing asked.
    let questions = [
        (0, Turn),
        (1, Preemption),
        (2, Stall),
        (3, Latency),
        (4, Sync),
        (5, Entropy),
        (6, PowerLoss),
        (7, Plan),
        (8, Workload),
        (10, Loss),
        (12, Damage),
        (13, Doubling),
        (14, Reordering),
        (15, Buggify),
    ];
    for (events, question) in questions {
        record.choices.push(Asked {
            events,
            question,
            who: u64::MAX - events,
            occurrence: 1,
            bound: events % 3,
            answer: 1,
        });
    }
    let violation = Violation {
        invariant: "no-use-after-teardown".into(),
        class: "metadata-db".into(),
        sites: texts(&["apply", "stop"]),
        subject: "metadata-db, generation 1".into(),
        sentence: "master-0 wrote a batch to metadata-db 1.4 ms after it had closed it".into(),
        at: Seq(22),
        turning: vec![Seq(23)],
        origins: Vec::new(),
    };
    let injection = |trigger| Injection {
        trigger,
        fault: Fault::stop(NodeId(0), Duration::from_nanos(30), Duration::from_nanos(1)),
    };
    let edge = Trigger::on(NodeId(0), "begin apply", 41, Duration::from_nanos(9));
    FailingRun {
        finding: Finding {
            signature: violation.signature(),
            violation,
            first_run: 48,
            seed: 47,
            plan: crate::fault::Plan {
                injections: vec![injection(edge), injection(Trigger::at(Duration::from_nanos(7)))],
            },
            digest: Digest(0x1234, 0x5678),
            token: "a2-raft-master-47-AAdzaGlwcGVkOnDV".into(),
        },
        scenario: "raft-master".into(),
        build: Build::new("shipped"),
        ended: Ended::Whole,
        record,
        totals: Totals { events: 46, virtual_ns: 2_000_000_000 },
        also: vec![crate::model::violation::Signature::from("no-deadlock · x".to_owned())],
        stack: Some("master-0\n  at src/server.rs:88".into()),
        shrunk: None,
    }
}

/// The sample of the format, written by the code that introduced the format. Every later version must read it. With
/// `UPDATE_RECORD_SAMPLE` set, it is rewritten first: a new format needs a new sample.
fn format_2() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records/format-2.jsonl.zst");
    if std::env::var_os("UPDATE_RECORD_SAMPLE").is_some() {
        std::fs::write(path, written(&sample())).expect("the sample can be written");
    }
    std::fs::read(path).expect("the sample is checked in")
}

#[test]
fn a_record_of_format_2_can_still_be_read() {
    assert!(again(&format_2()).expect("it is whole") == sample());
}

#[test]
fn a_record_written_today_is_format_2_line_by_line() {
    let lines = |bytes: &[u8]| {
        let text = zstd::decode_all(bytes).expect("it is whole");
        String::from_utf8(text).expect("it is text").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    // The first record of this format had no checksum.
    let (then, mut now) = (lines(&format_2()), lines(&written(&sample())));
    now.retain(|line| !line.starts_with("{\"kind\":\"sum\""));
    let differs = then.iter().zip(&now).skip(1).find(|(then, now)| then != now && !adds_fields_only(then, now));
    assert_eq!(differs, None, "a line of format 2 has changed: that needs format 3");
    assert_eq!(then.len(), now.len());
}

/// Returns whether a line has every field of the line then, and beside them only fields that format 2 got later. Each of these has
/// its default here, with which a reader takes the lines of earlier records.
fn adds_fields_only(then: &str, now: &str) -> bool {
    let mut later: serde_json::Value = serde_json::from_str(now).expect("a line is JSON");
    if let Some(violation) = later.pointer_mut("/finding/violation").and_then(|violation| violation.as_object_mut()) {
        assert_eq!(violation.remove("origins"), Some(serde_json::json!([])));
    }
    if let Some(noted) = later.pointer_mut("/what/Noted").and_then(|noted| noted.as_object_mut()) {
        assert_eq!(noted.remove("site"), Some(serde_json::json!(0)));
    }
    serde_json::from_str::<serde_json::Value>(then).expect("a line is JSON") == later
}

#[test]
fn an_unreadable_record_is_an_error_with_a_next_step() {
    let bytes = written(&sample());
    let refused = |bytes: &[u8]| {
        let error = again(bytes).expect_err("it is not a record");
        format!("{error}\n  next: {}", error.next())
    };
    let line = |text: &str| zstd::encode_all(text.as_bytes(), 1).expect("a vector takes every byte");
    let text = String::from_utf8(zstd::decode_all(&bytes[..]).expect("it is whole")).expect("it is text");
    let other_event = text.replace("\"Quiescent\"", "\"Dreamt\"");
    let one_choice_less = text_of(&format_2()).replacen("\"kind\":\"choice\"", "\"kind\":\"dream\"", 1);
    let no_last_line = text[..text.trim_end().rfind('\n').expect("it has lines") + 1].to_owned();
    let all = [
        refused(&bytes[..bytes.len() - 9]),
        refused(&bytes[..40]),
        refused(&line(&no_last_line)),
        refused(&[]),
        refused(b"{\"format\":1}"),
        refused(&line("{\"kind\":\"song\",\"format\":1,\"afterlife\":\"x\"}\n")),
        refused(&line("{\"kind\":\"record\",\"format\":2,\"afterlife\":\"9.1.0\",\"new\":[]}\n")),
        refused(&line(&other_event)),
        refused(&line(&one_choice_less)),
    ];
    insta::assert_snapshot!("unreadable", all.join("\n"));
}

#[test]
fn a_line_of_an_unknown_kind_is_skipped() {
    let text = String::from_utf8(zstd::decode_all(&*format_2()).expect("it is whole")).expect("it is text");
    let (first, rest) = text.split_once('\n').expect("it has lines");
    let later = format!("{first}\n{{\"kind\":\"dream\",\"of\":[1]}}\n{rest}");
    let later = zstd::encode_all(later.as_bytes(), 1).expect("a vector takes every byte");
    assert!(again(&later).expect("it is whole") == sample());
}

#[test]
fn every_kind_of_event_is_tested() {
    // The name in the format, which must not change with a variant's name: `{"Sent":{…}}` or `"Started"`.
    let kind = |what: &What| {
        let json = serde_json::to_string(what).expect("an event is JSON");
        json.split('"').nth(1).unwrap_or_default().to_owned()
    };
    let tried: std::collections::BTreeSet<_> = (0..KINDS).map(|number| kind(&what(number, 0, 0))).collect();
    assert_eq!(tried.len(), usize::from(KINDS));
    let known = serde_json::from_str::<What>("\"Dreamt\"").expect_err("there is no such kind").to_string();
    let missing: Vec<_> = known.split('`').skip(3).step_by(2).filter(|kind| !tried.contains(*kind)).collect();
    assert!(missing.is_empty() && known.contains("`Started`"), "add to `what` and to KINDS alone: {missing:?}");
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8(zstd::decode_all(bytes).expect("it is whole")).expect("it is text")
}
