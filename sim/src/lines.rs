//! What programs trace, line by line: kept beside the events when it is asked for, and never part of the digest.
//! It filters nothing; who hands lines over does.

use crate::event::NodeId;
use crate::real::Region;
use serde::{Deserialize, Serialize};

/// More bytes of lines than a run keeps; what comes later is left out.
const BYTES_MAX: usize = 256 << 20;

/// One line that a node traced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLine {
    /// How many events there were before it.
    pub events: u64,
    /// Virtual nanoseconds since the run began.
    pub time_ns: u64,
    /// Where.
    pub node: NodeId,
    /// In which life of the node.
    pub incarnation: u16,
    /// On which thread of that life.
    pub thread: u32,
    /// The text, with its level and target, without a line end.
    pub text: String,
}

/// The lines of a run. Its memory is reserved in every run, so that addresses do not depend on whether lines are kept.
pub(crate) struct Lines {
    bytes: Region<u8>,
    heads: Region<Head>,
    keep: bool,
}

#[derive(Clone, Copy)]
struct Head {
    events: u64,
    time_ns: u64,
    node: NodeId,
    incarnation: u16,
    thread: u32,
    begin: usize,
}

impl Lines {
    pub(crate) fn new(keep: bool) -> Self {
        Self { bytes: Region::reserve(BYTES_MAX), heads: Region::reserve(BYTES_MAX / 16), keep }
    }

    /// Whether lines are kept, and there is room.
    pub(crate) fn wanted(&self) -> bool {
        self.keep && self.bytes.values().len() < BYTES_MAX - (1 << 20)
    }

    /// A line begins.
    pub(crate) fn begin(&mut self, events: u64, time_ns: u64, (node, incarnation, thread): (NodeId, u16, u32)) {
        let begin = self.bytes.values().len();
        self.heads.push(Head { events, time_ns, node, incarnation, thread, begin });
    }

    /// A piece of the line that began last.
    pub(crate) fn put(&mut self, text: &str) {
        if self.wanted() {
            text.bytes().for_each(|byte| self.bytes.push(byte));
        }
    }

    /// All lines.
    pub(crate) fn all(&self) -> Vec<TraceLine> {
        let (heads, bytes) = (self.heads.values(), self.bytes.values());
        let ends = heads.iter().skip(1).map(|head| head.begin).chain([bytes.len()]);
        heads
            .iter()
            .zip(ends)
            .map(|(head, end)| TraceLine {
                events: head.events,
                time_ns: head.time_ns,
                node: head.node,
                incarnation: head.incarnation,
                thread: head.thread,
                text: String::from_utf8_lossy(&bytes[head.begin..end]).into_owned(),
            })
            .collect()
    }
}
