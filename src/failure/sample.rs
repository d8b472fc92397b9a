//! Findings written by hand, for tests of reports and records. Their runs never happened.

use crate::failure::failing_run::{FailingRun, Totals};
use crate::failure::finding::Finding;
use crate::failure::shrunk::Shrunk;
use crate::failure::token::Token;
use crate::fault::{Fault, Injection, Plan, Trigger};
use crate::model::build::Build;
use crate::model::violation::Violation;
use crate::run::request::{Ended, Record};
use afterlife_sim::event::{Death, Digest, Event, Name, NodeId, Seq, What};
use std::time::Duration;

/// The token of seed 47, with the plan that it draws.
pub(crate) fn token() -> Token {
    Token {
        scenario: "raft-master".into(),
        build: Build::new("shipped"),
        engine: crate::model::engine::Engine::Native,
        seed: 47,
        plan: None,
    }
}

const SECOND_NS: u64 = 1_000_000_000;
const WORLD: u16 = u16::MAX;
const NONE: u64 = u64::MAX;

/// A use of a database after a stop has closed it.
pub(crate) fn use_after_teardown() -> FailingRun {
    let mut log = Log::new(&["master-0", "master-1", "master-2", "client"]);
    let db = log.name("metadata-db");
    let site = log.name("scenarios/src/raft_master/server.rs:88");
    let apply = log.name("apply 41");
    log.push(0, 0, NONE, What::Started);
    let ready = log.name("ready");
    log.push(2_000_000, 0, 0, What::ResourceOpened { name: db, object: 1, generation: 1, site });
    log.push(3_000_000, 0, 1, What::Phase { name: ready, site: Name::NONE });
    log.push(412_000_000, 3, NONE, What::Connecting { to: NodeId(0), port: 7000, conn: 4 });
    log.push(420_000_000, 3, 3, What::Sent { conn: 4, bytes: 96 });
    let partition = log.name("partition");
    log.push(425_000_000, WORLD, NONE, What::Fault { kind: partition, injection: 1, detail: Name::NONE });
    log.push(431_000_000, 0, 4, What::Delivered { conn: 4, bytes: 96 });
    let stop = log.name("stop");
    log.push(440_000_000, WORLD, NONE, What::Fault { kind: stop, injection: 0, detail: Name::NONE });
    log.push(440_000_000, 0, 7, What::StopRequested { budget_ns: 30 * SECOND_NS });
    let close = log.push(441_000_000, 0, 8, What::ResourceClosed { name: db, object: 1, site });
    let used = log.push(442_400_000, 0, 6, What::ResourceUsed { name: db, object: 1, by: apply, site });
    log.push(443_000_000, 0, 10, What::Exited { how: Death::Exit { code: 0 } });
    let violation = Violation {
        invariant: "no-use-after-teardown".into(),
        class: "metadata-db".into(),
        sites: vec!["metadata_fsm apply".into(), "server stop".into()],
        subject: "metadata-db, generation 1".into(),
        sentence: "master-0 wrote a batch to metadata-db 1.4 ms after it had closed it".into(),
        at: used,
        turning: vec![close],
        origins: Vec::new(),
    };
    let plan = Plan {
        injections: vec![
            Injection {
                trigger: Trigger::on(NodeId(0), "begin apply", 41, Duration::from_millis(9)),
                fault: Fault::stop(NodeId(0), Duration::from_secs(30), Duration::from_secs(1)),
            },
            Injection {
                trigger: Trigger::at(Duration::from_millis(425)),
                fault: Fault::partition(NodeId(1), NodeId(2), Duration::from_secs(2)),
            },
            Injection {
                trigger: Trigger::at(Duration::from_millis(900)),
                fault: Fault::kill(NodeId(2), Duration::from_secs(1)),
            },
        ],
    };
    log.finding(violation, plan, 2_911)
}

/// The same, with its plan of three injections shrunk to one.
pub(crate) fn shrunk() -> FailingRun {
    let mut failure = use_after_teardown();
    let not = failure.finding.plan.injections.split_off(1);
    failure.shrunk = Some(Shrunk { replays: 23, not, whole: true, seeds: (4, 4) });
    failure
}

/// The crash of the shipped raft-master in a real run (seed 28), with its times, nodes, lines and causes, and without the
/// events between them.
pub(crate) fn raft_master() -> FailingRun {
    let mut log = Log::new(&["master-0", "master-1", "master-2", "client-0"]);
    let (db, apply, ready) = (log.name("metadata-db"), log.name("apply 25"), log.name("ready"));
    let [opened, began, ended, closed, up] = [
        "scenarios/src/raft_master/store.rs:79",
        "scenarios/src/raft_master/store.rs:180",
        "scenarios/src/raft_master/store.rs:182",
        "scenarios/src/raft_master/shutdown.rs:115",
        "scenarios/src/raft_master/server.rs:220",
    ]
    .map(|site| log.name(site));
    let file = log.name("/var/lib/master/metadata.redb");
    let stop = log.name("stop");
    let budget_ns = 30 * SECOND_NS;
    for node in 0..3 {
        log.push(10, node, NONE, What::Listening { port: 7001 });
    }
    let first = log.push(3_302_000_000, 1, NONE, What::Fault { kind: stop, injection: 1, detail: Name::NONE });
    let asked = log.push(3_302_000_000, 1, first.0, What::StopRequested { budget_ns });
    let over = log.push(3_304_000_000, 1, asked.0, What::Exited { how: Death::Exit { code: 0 } });
    let again = log.push(4_947_000_000, 1, over.0, What::Started);
    log.again(again);
    let db_opened = What::ResourceOpened { name: db, object: 4, generation: 2, site: opened };
    let begun = log.push(4_947_300_000, 1, again.0, db_opened);
    log.push(4_947_600_000, 1, begun.0, What::Phase { name: ready, site: up });
    let request = log.push(5_128_612_000, 3, NONE, What::Sent { conn: 14, bytes: 115 });
    let received = log.push(5_129_685_000, 0, request.0, What::Delivered { conn: 14, bytes: 115 });
    let stored = log.push(5_130_029_000, 0, received.0, What::FileSynced { path: file, took_ns: 342_146 });
    let spread = log.push(5_130_029_000, 0, stored.0, What::Sent { conn: 10, bytes: 355 });
    let there = log.push(5_130_460_000, 2, spread.0, What::Delivered { conn: 10, bytes: 355 });
    let answer = log.push(5_130_801_000, 2, there.0, What::Sent { conn: 10, bytes: 20 });
    let back = log.push(5_132_737_000, 0, answer.0, What::Delivered { conn: 10, bytes: 20 });
    let entries = log.push(5_202_245_000, 0, back.0, What::Sent { conn: 27, bytes: 1_471 });
    let arrived = log.push(5_203_423_000, 1, entries.0, What::Delivered { conn: 27, bytes: 1_471 });
    let second = log.push(5_203_940_000, 1, NONE, What::Fault { kind: stop, injection: 0, detail: Name::NONE });
    let asked = log.push(5_203_940_000, 1, second.0, What::StopRequested { budget_ns });
    let used = |site| What::ResourceUsed { name: db, object: 4, by: apply, site };
    let batch = log.push(5_205_344_000, 1, arrived.0, used(began));
    let synced = log.push(5_205_494_000, 1, asked.0, What::FileSynced { path: file, took_ns: 226_510 });
    let close = log.push(5_205_495_000, 1, synced.0, What::ResourceClosed { name: db, object: 4, site: closed });
    let timer = log.push(5_206_702_000, 1, batch.0, What::TimerFired);
    let synced = log.push(5_206_702_000, 1, timer.0, What::FileSynced { path: file, took_ns: 238_467 });
    let at = log.push(5_206_703_000, 1, synced.0, used(ended));
    for (conn, from, to) in [(14, 3, 0), (10, 0, 2), (27, 0, 1)] {
        log.push(5_300_000_000, from, NONE, What::Connecting { to: NodeId(to), port: 7001, conn });
    }
    let violation = Violation {
        invariant: "no-use-after-teardown".into(),
        class: "metadata-db".into(),
        sites: vec!["scenarios/src/raft_master/store.rs".into(), "scenarios/src/raft_master/shutdown.rs".into()],
        subject: "metadata-db, generation 2".into(),
        sentence: "master-1 used metadata-db in apply 25, 1.2 ms after it had closed it".into(),
        at,
        turning: vec![close, batch],
        origins: Vec::new(),
    };
    let stop_at = |nth, after_ns, down_ns| Injection {
        trigger: Trigger::on(NodeId(1), "use metadata-db", nth, Duration::from_nanos(after_ns)),
        fault: Fault::stop(NodeId(1), Duration::from_nanos(budget_ns), Duration::from_nanos(down_ns)),
    };
    let injections = vec![stop_at(68, 0, 2_200_000_000), stop_at(63, 663_000, 1_600_000_000)];
    log.finding(violation, Plan { injections }, 1_678)
}

/// A run whose process died without a reply.
pub(crate) fn abort() -> FailingRun {
    let violation = Violation {
        invariant: "no-crash".into(),
        class: "SIGABRT".into(),
        sites: vec!["master".into()],
        subject: "SIGABRT on master-0".into(),
        sentence: "master-0 crashed the whole process with SIGABRT: it called abort".into(),
        at: Seq::NONE,
        turning: Vec::new(),
        origins: Vec::new(),
    };
    let mut failure = Log::new(&[]).finding(violation, Plan::default(), 0);
    failure.ended = Ended::Signal { signal: 6, node: Some("master-0".into()) };
    failure
}

/// A run that a crash in a node's code ended, with its events.
pub(crate) fn crash() -> FailingRun {
    let mut log = Log::new(&["master-0", "client"]);
    let (index, site) = (log.name("index"), log.name("src/index.rs:31"));
    log.push(0, 0, NONE, What::Started);
    log.push(0, 0, 0, What::Listening { port: 7000 });
    log.push(2_000_000, 0, 0, What::ResourceOpened { name: index, object: 1, generation: 1, site });
    log.push(5_000_000, 1, NONE, What::Sent { conn: 1, bytes: 40 });
    log.push(7_000_000, 0, 3, What::Delivered { conn: 1, bytes: 40 });
    log.push(8_000_000, 0, 4, What::ResourceUsed { name: index, object: 1, by: Name::NONE, site });
    log.push(9_000_000, 0, 5, What::TimerFired);
    let violation = Violation {
        invariant: "no-crash".into(),
        class: "SIGSEGV".into(),
        sites: vec!["src/index.rs".into()],
        subject: "SIGSEGV on master-0".into(),
        sentence: "master-0 crashed the whole process with SIGSEGV".into(),
        at: Seq::NONE,
        turning: Vec::new(),
        origins: Vec::new(),
    };
    let mut failure = log.finding(violation, Plan::default(), 7);
    failure.ended = Ended::Signal { signal: 11, node: Some("master-0".into()) };
    failure.stack = Some("master-0, incarnation 1, thread 0, at 0.009\n  src/index.rs:31  index::read".into());
    failure
}

/// A run of many more events than a page holds, whose end breaks a claim. Every text is too long.
pub(crate) fn crowded() -> FailingRun {
    let mut log = Log::new(&["a-node-with-a-name-that-no-column-holds", "b"]);
    let stop = log.name("kill");
    let message = log.name("called `Result::unwrap()` on an `Err` value: Custom { kind: Other, error: \"lost\" }");
    let site = log.name("scenarios/src/a/module/deep/down/in/the/tree/of/some/crate/with_a_long_file_name.rs:1234");
    let mut injections = Vec::new();
    let mut turning = Vec::new();
    for round in 0..10 {
        let at = u64::from(round) * 7 * SECOND_NS;
        let fault = log.push(at, WORLD, NONE, What::Fault { kind: stop, injection: round, detail: Name::NONE });
        log.push(at, 0, fault.0, What::Exited { how: Death::Kill });
        log.push(at + SECOND_NS, 0, fault.0 + 1, What::Started);
        turning.push(log.push(at + SECOND_NS, 0, fault.0 + 2, What::Panicked { message, site }));
        injections.push(Injection {
            trigger: Trigger::at(Duration::from_nanos(at)),
            fault: Fault::kill(NodeId(0), Duration::from_secs(1)),
        });
    }
    let violation = Violation {
        invariant: "no-callback-after-deregistration".into(),
        class: "x".into(),
        sites: Vec::new(),
        subject: "a subject that says more than there is room for on the right of its heading".into(),
        sentence: "words ".repeat(60),
        at: Seq::NONE,
        turning,
        origins: Vec::new(),
    };
    let mut failure = log.finding(violation, Plan { injections }, 1_234_567);
    failure.also = vec![failure.finding.signature.clone(); 4];
    failure
}

/// A failed assertion, whose message has several lines, and a client that says why it failed.
pub(crate) fn panicked() -> FailingRun {
    let mut log = Log::new(&["ledger", "client-1"]);
    let message = log.name(
        "assertion `left == right` failed: the orders of the last day differ from those that were acknowledged\n  \
         left: [Order { id: 17, customer: \"c-4\", total: 1200, state: Shipped }]\n right: []",
    );
    let (site, text) = (
        log.name("src/audit.rs:42"),
        log.name(
            "Error: GET http://ledger:7000/orders?since=2026-11-29: \
         connection closed before the message was completed",
        ),
    );
    log.push(0, 0, NONE, What::Started);
    log.push(0, 1, NONE, What::Started);
    let line = log.push(SECOND_NS / 2, 1, 1, What::Line { text });
    let at = log.push(SECOND_NS, 0, 0, What::Panicked { message, site });
    let violation = Violation {
        invariant: "no-silent-panic".into(),
        class: "panic".into(),
        sites: vec!["src/audit.rs".into()],
        subject: "src/audit.rs:42".into(),
        sentence: "ledger panicked: assertion `left == right` failed".into(),
        at,
        turning: vec![line],
        origins: Vec::new(),
    };
    log.finding(violation, Plan::default(), 4)
}

struct Log {
    record: Record,
}

impl Log {
    fn new(nodes: &[&str]) -> Self {
        let nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
        Self { record: Record { names: vec![String::new()], nodes, ..Record::default() } }
    }

    fn name(&mut self, text: &str) -> Name {
        self.record.names.push(text.to_owned());
        Name(self.record.names.len() as u32 - 1)
    }

    fn push(&mut self, time_ns: u64, node: u16, cause: u64, what: What) -> Seq {
        let seq = Seq(self.record.events.len() as u64);
        let incarnation = u16::from(node != WORLD);
        let event =
            Event { seq, time_ns, node: NodeId(node), incarnation, thread: 0, task: 0, cause: Seq(cause), what };
        self.record.events.push(event);
        self.record.digests.push(seq.0 + 100);
        seq
    }

    /// Puts this event into the node's second incarnation.
    fn again(&mut self, started: Seq) {
        self.record.events[started.0 as usize].incarnation = 2;
    }

    fn finding(self, violation: Violation, plan: Plan, events: u64) -> FailingRun {
        let token = token();
        FailingRun {
            finding: Finding {
                signature: violation.signature(),
                violation,
                first_run: 48,
                seed: 47,
                plan,
                digest: Digest(0x1234, 0x5678),
                token: token.to_string(),
            },
            scenario: "raft-master".into(),
            build: Build::new("shipped"),
            ended: Ended::Whole,
            record: self.record,
            totals: Totals { events, virtual_ns: 2 * SECOND_NS },
            also: Vec::new(),
            stack: None,
            shrunk: None,
        }
    }
}
