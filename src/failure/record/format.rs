//! The format of a record: one JSON object per line, compressed as one stream of zstd.
//!
//! The first line has the kind `record`, the last one the kind `end`. Between them are the facts about the run (`environment`,
//! `finding`, `node`, `text`, `place`, `stack`, `socket`), then the run itself in order: `choice`, `line`, `event`; then a `sum`. A
//! reader skips lines of unknown kinds and unknown fields, so that kinds may be added, and fields that have a default. If the meaning of
//! a line changes, the format gets a new number.

use super::environment::Environment;
use super::program::Program;
use crate::failure::failing_run::Totals;
use crate::failure::finding::Finding;
use crate::failure::shrunk::Shrunk;
use crate::failure::test_origin::TestOrigin;
use crate::model::build::Build;
use crate::model::violation::Signature;
use crate::run::request::{Ended, Stack};
use afterlife_sim::LogLine;
use afterlife_sim::choice::{Asked, Question};
use afterlife_sim::event::{Event, NodeId, Seq, Socket, What};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The format that is written and read.
pub(crate) const FORMAT: u32 = 2;

/// A line.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// The identity of the file, first.
    Record(Header),
    /// The environment of the run.
    Environment(Environment),
    /// The finding.
    Finding(Box<Sheet>),
    /// A node, by number.
    Node {
        /// Its number in events.
        id: u16,
        /// Its name.
        name: String,
    },
    /// A text that events refer to by number.
    Text {
        /// Its number; 0 is the empty text, which is not written.
        id: u32,
        /// The text.
        text: String,
    },
    /// A line of source that events refer to by number.
    Place {
        /// Its number.
        id: u32,
        /// The line: `src/server.rs:88`.
        line: String,
        /// The subject of a wait there: `for a oneshot channel`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        awaited: Option<String>,
    },
    /// A stack of the violation.
    Stack(Stack),
    /// A socket at the moment of the violation.
    Socket(Socket),
    /// A question that the seed answered.
    Choice(Choice),
    /// A line that a program printed or traced.
    Line(LogLine),
    /// An event.
    Event(Happened),
    /// A checksum of all lines before it, in hexadecimal digits, each with its line feed: FNV-1a of 64 bits. It shows that a record was
    /// edited; who edits one can write another sum, too. Records of earlier versions have none.
    Sum {
        /// The checksum.
        fnv: String,
    },
    /// The end, which shows that nothing is missing.
    End(Counts),
    /// A line of a kind that a later version writes.
    #[serde(other)]
    Unknown,
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The number of the format.
    pub(crate) format: u32,
    /// The version of afterlife that wrote it.
    pub(crate) afterlife: String,
    /// The program that was run.
    pub(crate) program: Program,
    /// The scenario's name.
    pub(crate) scenario: String,
    /// Its build.
    pub(crate) build: Build,
    /// The seed.
    pub(crate) seed: u64,
    /// The token that replays the run.
    pub(crate) token: String,
    /// The signature, by which findings are grouped.
    pub(crate) signature: Signature,
    /// The digest of the run, in hexadecimal digits.
    pub(crate) digest: String,
    /// The test that made the run, if a test did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) test: Option<TestOrigin>,
}

/// The origin of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Its first line.
    pub(crate) header: Header,
    /// Its second line.
    pub(crate) environment: Environment,
}

impl Written {
    /// The differences between this process and the one that wrote the record, in words.
    pub(crate) fn elsewhere(&self) -> Vec<String> {
        let mut differences = Vec::new();
        if self.header.program != Program::of_this_process() {
            differences.push(format!("another build of {}", self.header.program.name));
        }
        let version = env!("CARGO_PKG_VERSION");
        if self.header.afterlife != version {
            differences.push(format!("afterlife {version}, not {}", self.header.afterlife));
        }
        differences.extend(Environment::of_this_process().differences(&self.environment));
        differences
    }
}

/// The finding, with the facts of its story that are not events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sheet {
    /// The finding, with its plan.
    pub(crate) finding: Finding,
    /// The end of the confirming run.
    pub(crate) ended: Ended,
    /// The size of the confirming run.
    pub(crate) totals: Totals,
    /// The other violations in it.
    pub(crate) also: Vec<Signature>,
    /// The stack at which the code crashed, if a crash ended the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stack: Option<String>,
    /// The result of shrinking its plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shrunk: Option<Shrunk>,
}

/// A question with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Choice {
    /// The number of events before it.
    pub(crate) events: u64,
    /// The question.
    pub(crate) question: Question,
    /// The identity that it was asked for, in hexadecimal digits.
    pub(crate) who: String,
    /// The number of the question among equal ones.
    pub(crate) occurrence: u64,
    /// The exclusive upper bound of the answer; absent if it may be any 64-bit number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) below: Option<u64>,
    /// The answer.
    pub(crate) answer: u64,
}

impl From<&Asked> for Choice {
    fn from(asked: &Asked) -> Self {
        let Asked { events, question, who, occurrence, bound, answer } = *asked;
        Self {
            events,
            question,
            who: format!("{who:016x}"),
            occurrence,
            below: Some(bound).filter(|bound| *bound > 0),
            answer,
        }
    }
}

impl Choice {
    /// The question as it was asked; `None` if `who` is not a number.
    pub(super) fn asked(self) -> Option<Asked> {
        let Self { events, question, who, occurrence, below, answer } = self;
        let who = u64::from_str_radix(&who, 16).ok()?;
        Some(Asked { events, question, who, occurrence, bound: below.unwrap_or(0), answer })
    }
}

/// An event, without fields that have their default value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Happened {
    seq: u64,
    time_ns: u64,
    /// `None` for the simulation itself.
    node: Option<u16>,
    incarnation: u16,
    thread: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    task: u64,
    /// `None` if nothing in the run caused it.
    cause: Option<u64>,
    what: What,
}

fn is_zero(task: &u64) -> bool {
    *task == 0
}

impl Happened {
    /// Its number in the run.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Its virtual time.
    pub(super) fn time_ns(&self) -> u64 {
        self.time_ns
    }

    /// The event that caused it, if there is one.
    pub(super) fn cause(&self) -> Option<u64> {
        self.cause
    }

    /// The number of its node; `None` for the simulation itself.
    pub(super) fn node(&self) -> Option<u16> {
        self.node
    }
}

impl From<&Event> for Happened {
    fn from(event: &Event) -> Self {
        let Event { seq, time_ns, node, incarnation, thread, task, cause, what } = *event;
        let node = Some(node.0).filter(|_| node != NodeId::SIMULATION);
        let cause = Some(cause.0).filter(|_| cause != Seq::NONE);
        Self { seq: seq.0, time_ns, node, incarnation, thread, task, cause, what }
    }
}

impl From<Happened> for Event {
    fn from(happened: Happened) -> Self {
        let Happened { seq, time_ns, node, incarnation, thread, task, cause, what } = happened;
        let (node, cause) = (node.map_or(NodeId::SIMULATION, NodeId), cause.map_or(Seq::NONE, Seq));
        Self { seq: Seq(seq), time_ns, node, incarnation, thread, task, cause, what }
    }
}

/// The number of lines of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Events.
    pub(crate) events: u64,
    /// Choices.
    pub(crate) choices: u64,
    /// Lines of programs.
    pub(crate) lines: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events, {} choices and {} lines", self.events, self.choices, self.lines)
    }
}
