//! The engines that run scenarios, and the capabilities of each. It starts none.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An engine that runs scenarios.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Engine {
    /// The virtual kernel behind the C library's symbols: stock code, threads, disks, memory.
    #[default]
    Native,
    /// turmoil's network and time, as a guest of the virtual kernel.
    Turmoil,
    /// madsim's network, time and tasks, as a guest of the virtual kernel.
    Madsim,
}

impl Engine {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 3] = [Self::Native, Self::Turmoil, Self::Madsim];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Turmoil => "turmoil",
            Self::Madsim => "madsim",
        }
    }

    /// Returns whether it is a guest: a simulator of its own that runs on one thread of ours.
    pub(crate) fn is_guest(self) -> bool {
        self != Self::Native
    }

    /// The way to build a program that has it.
    pub(crate) fn how_to_build(self) -> &'static str {
        match self {
            Self::Native => "build without --cfg madsim",
            Self::Turmoil => "build with --features turmoil",
            Self::Madsim => "build with RUSTFLAGS=\"--cfg madsim\" and --features madsim",
        }
    }

    /// Returns whether it supports a capability.
    pub(crate) fn has(self, need: Need) -> bool {
        self.support(need).0
    }

    /// Returns whether it supports a capability, and the restriction or reason.
    pub(crate) fn support(self, need: Need) -> (bool, &'static str) {
        match (self, need) {
            (Self::Native, _) => (true, ""),
            (Self::Turmoil, Need::Stops | Need::Holds | Need::SlowLinks) => (true, ""),
            (Self::Turmoil, Need::Kills) => (true, "destructors run unobserved; peers see FIN"),
            (Self::Turmoil, Need::PowerLoss) => (true, "destructors run unobserved"),
            (Self::Turmoil, Need::Partitions) => (true, "messages wait, as TCP retransmits them"),
            (Self::Turmoil, Need::OneWayPartitions) => (false, "lost messages are not retransmitted"),
            (Self::Turmoil, Need::BadLinks) => (false, "loss breaks TCP; no bandwidth"),
            (Self::Turmoil, Need::Resets) => (false, "no way to reset a connection"),
            (Self::Turmoil, Need::Pauses) => (false, "no way to pause a host"),
            (Self::Turmoil | Self::Madsim, Need::HeldThreads) => (true, "only threads that a node starts itself"),
            (Self::Turmoil, Need::Disks) => (true, "std::fs only"),
            (Self::Turmoil, Need::SlowDisks) => (true, "only in threads and spawn_blocking"),
            (Self::Turmoil, Need::ClockSteps) => (true, "the wall clock only; timers follow turmoil's clock"),
            (Self::Turmoil, Need::ClockDrift) => (false, "timers follow turmoil's clock"),
            (Self::Turmoil, Need::Memory) => (false, "all hosts share one thread, so memory cannot be attributed"),
            (Self::Turmoil, Need::Threads) => (false, "a host is a future on one shared thread"),
            (Self::Madsim, Need::Stops | Need::Pauses) => (true, ""),
            (Self::Madsim, Need::Kills) => (true, "destructors run unobserved; peers see FIN"),
            (Self::Madsim, Need::PowerLoss) => (true, "the process stops for good"),
            (Self::Madsim, Need::Partitions | Need::OneWayPartitions) => {
                (true, "messages wait; new connections are refused")
            }
            (Self::Madsim, Need::Holds) => (true, "new connections are refused"),
            (Self::Madsim, Need::SlowLinks) => (false, "one latency for all links"),
            (Self::Madsim, Need::BadLinks) => (false, "one loss rate for all links; no bandwidth"),
            (Self::Madsim, Need::Resets) => (false, "no way to reset a connection"),
            (Self::Madsim, Need::Disks) => (true, "std::fs only; a sync takes no time"),
            (Self::Madsim, Need::SlowDisks) => (false, "waiting for a disk stops every node"),
            (Self::Madsim, Need::ClockSteps) => (false, "one clock for all nodes"),
            (Self::Madsim, Need::ClockDrift) => (false, "one clock for all nodes"),
            (Self::Madsim, Need::Memory) => (false, "all nodes share one thread, so memory cannot be attributed"),
            (Self::Madsim, Need::Threads) => (false, "all nodes share one thread"),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|engine| engine.name() == text);
        found.ok_or_else(|| format!("unknown engine `{text}`: write native, turmoil or madsim"))
    }
}

/// A capability of an engine. Faults that need an unsupported one are not drawn. A scenario that sets a condition which needs one
/// is in error, unless it asks first whether the engine [supports](crate::Sim::supports) it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// Graceful stops.
    Stops,
    /// Kills, which peers notice.
    Kills,
    /// Power losses, which lose unsynced data.
    PowerLoss,
    /// Partitions.
    Partitions,
    /// Partitions that let one direction through.
    OneWayPartitions,
    /// Links that hold messages for a while.
    Holds,
    /// Links with a longer latency for a while.
    SlowLinks,
    /// Links that lose, duplicate and reorder messages, and narrow ones: [`Link::bandwidth`](crate::Link::bandwidth).
    BadLinks,
    /// Resets of connections.
    Resets,
    /// Pauses of processes.
    Pauses,
    /// Pauses of single threads.
    HeldThreads,
    /// Disk errors, full disks, and damaged files.
    Disks,
    /// Slow and stalled disks.
    SlowDisks,
    /// Steps of wall clocks.
    ClockSteps,
    /// Clock drift.
    ClockDrift,
    /// Memory budgets: [`Sim::memory_budget`](crate::Sim::memory_budget).
    Memory,
    /// Main functions without a runtime: [`Sim::node_main`](crate::Sim::node_main).
    Threads,
}

impl Need {
    /// All of them, in the order of reports.
    pub(crate) const ALL: [Self; 17] = [
        Self::Stops,
        Self::Kills,
        Self::PowerLoss,
        Self::Partitions,
        Self::OneWayPartitions,
        Self::Holds,
        Self::SlowLinks,
        Self::BadLinks,
        Self::Resets,
        Self::Pauses,
        Self::HeldThreads,
        Self::Disks,
        Self::SlowDisks,
        Self::ClockSteps,
        Self::ClockDrift,
        Self::Memory,
        Self::Threads,
    ];

    /// The capability in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Stops => "graceful stops",
            Self::Kills => "kills",
            Self::PowerLoss => "power losses",
            Self::Partitions => "partitions",
            Self::OneWayPartitions => "one-way partitions",
            Self::Holds => "held links",
            Self::SlowLinks => "slow links",
            Self::BadLinks => "lossy and narrow links, duplicated and reordered datagrams",
            Self::Resets => "connection resets",
            Self::Pauses => "pauses",
            Self::HeldThreads => "held threads",
            Self::Disks => "disk errors, full disks, damaged files",
            Self::SlowDisks => "slow and stalled disks",
            Self::ClockSteps => "clock steps",
            Self::ClockDrift => "clock drift",
            Self::Memory => "memory budgets",
            Self::Threads => "main functions without a runtime",
        }
    }
}
