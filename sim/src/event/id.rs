//! Identifiers that events carry: nodes, texts and the events themselves.

use serde::{Deserialize, Serialize};

/// A node: one virtual machine with one process on it. Nodes are numbered in the order in which the scenario makes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u16);

impl NodeId {
    /// The simulation itself, in events that belong to no node: heals and the end of a run.
    pub const SIMULATION: Self = Self(u16::MAX);
}

/// A text of the run (a name, a path, a source line), as an index into the names of its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Name(pub u32);

impl Name {
    /// No text.
    pub const NONE: Self = Self(0);

    /// The name whose index is the number of a probe event.
    pub fn from_number(number: u64) -> Self {
        u32::try_from(number).map_or(Self::NONE, Self)
    }
}

/// The number of an event in its run, from 0. [`Seq::NONE`] stands for no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seq(pub u64);

impl Seq {
    /// No event.
    pub const NONE: Self = Self(u64::MAX);
}
