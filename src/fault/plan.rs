//! A plan: the list of injections of one run, as data. The seed draws one, a token carries one, the shrinker cuts one.
//! It does not act: `inject` turns an injection into something that happens in the world.

use crate::model::duration::nanoseconds;
use crate::model::group::Group;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What happens to whom in one run, beyond what the scenario itself does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The injections, in the order in which they were drawn; their numbers appear in events.
    pub injections: Vec<Injection>,
}

/// One fault and when it strikes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injection {
    /// When.
    pub trigger: Trigger,
    /// What.
    pub fault: Fault,
}

/// When an injection strikes: at a time, or at a place in a lifetime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trigger {
    /// At a virtual time, in nanoseconds since the run's start.
    At {
        /// Nanoseconds since the run's start.
        time_ns: u64,
    },
    /// Some time after the `nth` event of this kind on this node.
    On {
        /// Which edge of a lifetime, in words that the story uses too: `open metadata-db`, `phase ready`.
        edge: String,
        /// The node, by number.
        node: u16,
        /// Which occurrence, from 1.
        nth: u32,
        /// How long after it, in nanoseconds.
        after_ns: u64,
    },
}

impl Trigger {
    /// At this time after the run's start.
    pub fn at(time: Duration) -> Self {
        Self::At { time_ns: nanoseconds(time) }
    }

    /// This long after the `nth` time, from 1, that the first node of `group` passes `edge`: see
    /// [`Faults::aimed_at`](crate::Faults::aimed_at) for the words. With no time between, the thread that passed the edge
    /// has not gone on when the fault strikes.
    pub fn on(group: Group, edge: &str, nth: u32, after: Duration) -> Self {
        assert!(nth > 0, "an edge that is never awaited: `nth` is 1 or more");
        Self::On { edge: edge.to_owned(), node: group.number(0), nth, after_ns: nanoseconds(after) }
    }

    /// So much later; a time is not later than `until_ns`.
    pub(super) fn later(self, by_ns: u64, until_ns: u64) -> Self {
        match self {
            Self::At { time_ns } => Self::At { time_ns: time_ns.saturating_add(by_ns).min(until_ns) },
            Self::On { edge, node, nth, after_ns } => {
                Self::On { edge, node, nth, after_ns: after_ns.saturating_add(by_ns) }
            }
        }
    }
}

/// What is done to the room. Nodes are numbers in the order in which the scenario made them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// A graceful stop within a budget, then SIGKILL; started again after `down_ns`.
    Stop {
        /// Whom.
        node: u16,
        /// Nanoseconds between the request and SIGKILL.
        budget_ns: u64,
        /// Nanoseconds between its end and its next start.
        down_ns: u64,
    },
    /// SIGKILL; started again after `down_ns`.
    Kill {
        /// Whom.
        node: u16,
        /// Nanoseconds between its end and its next start.
        down_ns: u64,
    },
    /// The machine loses power; it starts again after `down_ns`.
    PowerLoss {
        /// Whom.
        node: u16,
        /// Nanoseconds between its end and its next start.
        down_ns: u64,
    },
    /// Nothing passes from `from` to `to` (and back, unless `one_way`) for `for_ns`.
    Partition {
        /// One side.
        from: u16,
        /// The other side.
        to: u16,
        /// Whether the way back stays open.
        one_way: bool,
        /// Nanoseconds until it heals.
        for_ns: u64,
    },
    /// Each sync of the node's disk takes `extra_ns` longer, for `for_ns`.
    SlowDisk {
        /// Whose disk.
        node: u16,
        /// Nanoseconds on top of each sync.
        extra_ns: u64,
        /// Nanoseconds until the disk is itself again.
        for_ns: u64,
    },
    /// Every thread of the node stands still, as after SIGSTOP; then they go on.
    Pause {
        /// Whom.
        node: u16,
        /// Nanoseconds until it goes on.
        for_ns: u64,
    },
    /// One thread of the node stands still, and the others go on: the one that has just passed the edge on which this strikes,
    /// else the `nth` that is alive.
    HoldThread {
        /// Whose thread.
        node: u16,
        /// Which one, from 1, in the order in which they were made; counted round if there are fewer.
        nth: u32,
        /// It goes on when another thread of the node passes this edge, if one is named: see
        /// [`Faults::aimed_at`](crate::Faults::aimed_at) for the words.
        until: Option<String>,
        /// Nanoseconds after which it goes on in any case.
        for_ns: u64,
    },
    /// The node's memory budget is this small for a while.
    SqueezeMemory {
        /// Whom.
        node: u16,
        /// Bytes that it may have.
        budget_bytes: u64,
        /// Nanoseconds until the budget is as it was.
        for_ns: u64,
    },
    /// The node's wall clock jumps.
    StepClock {
        /// Whose.
        node: u16,
        /// Nanoseconds; negative is back in time.
        by_ns: i64,
    },
    /// The node's clocks run fast or slow for a while; what they gained or lost stays.
    SkewClock {
        /// Whose.
        node: u16,
        /// Millionths of a second gained in each second.
        ppm: i32,
        /// Nanoseconds until they run as they should.
        for_ns: u64,
    },
    /// The way between two nodes, in both directions, is not what it should be.
    DisturbLink {
        /// One side.
        from: u16,
        /// The other side.
        to: u16,
        /// In which manner.
        how: LinkTrouble,
        /// Nanoseconds until it is itself again.
        for_ns: u64,
    },
    /// Every connection between two nodes is reset, at both ends.
    ResetConnections {
        /// One side.
        from: u16,
        /// The other side.
        to: u16,
    },
    /// The node's disk fails in this manner.
    FailDisk {
        /// Whose disk.
        node: u16,
        /// In which manner.
        how: DiskTrouble,
        /// Nanoseconds until it is itself again.
        for_ns: u64,
    },
    /// One file of the node is damaged, for good.
    DamageFile {
        /// Whose disk.
        node: u16,
        /// In which manner.
        how: FileDamage,
        /// Which file, from 1, in the order of their paths; counted round if there are fewer.
        nth: u32,
    },
}

impl Fault {
    /// Whom it strikes: a link has two sides.
    pub(crate) fn strikes(&self) -> Vec<NodeId> {
        match *self {
            Self::Stop { node, .. }
            | Self::Kill { node, .. }
            | Self::PowerLoss { node, .. }
            | Self::SlowDisk { node, .. }
            | Self::Pause { node, .. }
            | Self::HoldThread { node, .. }
            | Self::SqueezeMemory { node, .. }
            | Self::StepClock { node, .. }
            | Self::SkewClock { node, .. }
            | Self::FailDisk { node, .. }
            | Self::DamageFile { node, .. } => vec![NodeId(node)],
            Self::Partition { from, to, .. }
            | Self::DisturbLink { from, to, .. }
            | Self::ResetConnections { from, to } => vec![NodeId(from), NodeId(to)],
        }
    }
}

/// What can be wrong with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkTrouble {
    /// Each message takes this many nanoseconds longer.
    Slow {
        /// Nanoseconds.
        extra_ns: u64,
    },
    /// This many messages of a thousand are lost: sent again by TCP, gone for UDP.
    Lossy {
        /// Of a thousand.
        per_mille: u16,
    },
    /// Nothing arrives until it is over; then everything does.
    Hold,
    /// This many datagrams of a thousand arrive twice.
    Duplicating {
        /// Of a thousand.
        per_mille: u16,
    },
    /// This many datagrams of a thousand arrive late, after those that were sent after them.
    Reordering {
        /// Of a thousand.
        per_mille: u16,
    },
    /// So many bytes pass in a second.
    Narrow {
        /// Bytes in a second.
        bytes_per_s: u64,
    },
}

/// What can be wrong with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiskTrouble {
    /// Reads fail with EIO.
    ReadErrors,
    /// Writes fail with EIO.
    WriteErrors,
    /// Syncs fail with EIO, and what they should have kept is lost, as on Linux.
    SyncErrors,
    /// No space is left.
    Full,
    /// Nothing that needs the device comes to its end.
    Stalled,
}

/// What can be wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileDamage {
    /// It is not there any more.
    Missing,
    /// Some of its durable bytes are others.
    Corrupt,
}
