//! A plan: the list of injections of one run, as data. The seed draws one, a token carries one, the shrinker cuts one.
//! It does not act: `inject` turns an injection into something that happens in the world.

use serde::{Deserialize, Serialize};

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
}
