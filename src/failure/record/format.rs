//! What stands in a record: one object of JSON a line, compressed as one stream of zstd.
//!
//! The first line is of the kind `record`, the last of the kind `end`. Between them come what is known beforehand
//! (`environment`, `finding`, `node`, `text`, `place`, `stack`, `socket`) and then the run itself in its order: `choice`, `line`,
//! `event`. A reader passes over kinds of lines that it does not know, so that one may be added; whatever changes the meaning of
//! a line that was there before takes a new number for the format.

use super::environment::Environment;
use super::program::Program;
use crate::failure::failing_run::Totals;
use crate::failure::finding::Finding;
use crate::failure::shrunk::Shrunk;
use crate::model::build::Build;
use crate::model::violation::Signature;
use crate::run::request::{Ended, Stack};
use afterlife_sim::LogLine;
use afterlife_sim::choice::{Asked, Question};
use afterlife_sim::event::{Event, NodeId, Seq, Socket, What};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The format that is written, and the newest that is read.
pub(crate) const FORMAT: u32 = 2;

/// A line.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// What this file is, first.
    Record(Header),
    /// What else the run depended on.
    Environment(Environment),
    /// What broke.
    Finding(Box<Sheet>),
    /// A node, by number.
    Node {
        /// Its number in events.
        id: u16,
        /// Its name.
        name: String,
    },
    /// A text that events name by number.
    Text {
        /// Its number; 0 is the empty text, which is not written.
        id: u32,
        /// The text.
        text: String,
    },
    /// A line of source that events name by number.
    Place {
        /// Its number.
        id: u32,
        /// The line: `src/server.rs:88`.
        line: String,
    },
    /// A stack that the violation is told with.
    Stack(Stack),
    /// A socket at the moment of the violation.
    Socket(Socket),
    /// A question that the seed answered.
    Choice(Choice),
    /// What a program printed or traced.
    Line(LogLine),
    /// What happened.
    Event(Happened),
    /// Nothing is missing.
    End(Counts),
    /// A kind of line that a later afterlife writes.
    #[serde(other)]
    Unknown,
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The number of the format.
    pub(crate) format: u32,
    /// Who wrote it: a version of afterlife.
    pub(crate) afterlife: String,
    /// The program that was run.
    pub(crate) program: Program,
    /// The scenario's name.
    pub(crate) scenario: String,
    /// Its build.
    pub(crate) build: Build,
    /// The seed.
    pub(crate) seed: u64,
    /// What replays the run.
    pub(crate) token: String,
    /// What makes the finding the same as another.
    pub(crate) signature: Signature,
    /// The digest of the run, in hexadecimal digits.
    pub(crate) digest: String,
}

/// Who wrote a record, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Its first line.
    pub(crate) header: Header,
    /// Its second line.
    pub(crate) environment: Environment,
}

impl Written {
    /// What is otherwise in this process than in the one that wrote it, in words.
    pub(crate) fn elsewhere(&self) -> Vec<String> {
        let mut differences = Vec::new();
        if self.header.program != Program::of_this_process() {
            differences.push(format!("another build of {}", self.header.program.name));
        }
        let version = env!("CARGO_PKG_VERSION");
        if self.header.afterlife != version {
            differences.push(format!("afterlife {version}, and not {}", self.header.afterlife));
        }
        differences.extend(Environment::of_this_process().differences(&self.environment));
        differences
    }
}

/// The finding, with what its story is told from beside the events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sheet {
    /// The finding, with its plan.
    pub(crate) finding: Finding,
    /// How the confirming run ended.
    pub(crate) ended: Ended,
    /// How large it was.
    pub(crate) totals: Totals,
    /// What else broke in it.
    pub(crate) also: Vec<Signature>,
    /// Where the code was, if a fault of it ended the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stack: Option<String>,
    /// How its plan became as small as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shrunk: Option<Shrunk>,
}

/// A question with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Choice {
    /// How many events there were before it.
    pub(crate) events: u64,
    /// What was asked.
    pub(crate) question: Question,
    /// Of whom: an identity, in hexadecimal digits.
    pub(crate) who: String,
    /// For which time.
    pub(crate) occurrence: u64,
    /// The answer is below this; any number of 64 bits if it is not there.
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
            below: Some(bound).filter(|it| *it > 0),
            answer,
        }
    }
}

impl Choice {
    /// As it was asked; `None` if it names nobody.
    pub(super) fn asked(self) -> Option<Asked> {
        let Self { events, question, who, occurrence, below, answer } = self;
        let who = u64::from_str_radix(&who, 16).ok()?;
        Some(Asked { events, question, who, occurrence, bound: below.unwrap_or(0), answer })
    }
}

/// An event, with what is usual left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Happened {
    seq: u64,
    time_ns: u64,
    /// None is the room itself.
    node: Option<u16>,
    incarnation: u16,
    thread: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    task: u64,
    /// None: nothing in the run led here.
    cause: Option<u64>,
    what: What,
}

fn is_zero(task: &u64) -> bool {
    *task == 0
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

/// How many lines of a kind there are.
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
