//! A broken invariant as data, and the signature by which two violations are the same finding.

use afterlife_sim::event::{NodeId, Seq};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One broken invariant in one run, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The invariant's id: `no-use-after-teardown`.
    pub invariant: String,
    /// The object that it broke on, without anything that differs from run to run: `metadata-db`.
    pub class: String,
    /// The source files or roles of the two ends, without lines and numbers: `["src/apply.rs", "src/stop.rs"]`. May be empty.
    pub sites: Vec<String>,
    /// The right side of the story's heading: `metadata-db, generation 1`.
    pub subject: String,
    /// The sentence of the story, with node names and durations.
    pub sentence: String,
    /// The event that broke the invariant; `Seq::NONE` if the end of the run did.
    pub at: Seq,
    /// The events that the story must show, the turning point first: the teardown, the stop.
    pub turning: Vec<Seq>,
    /// The points from which the story walks back: the note of an entry that is lost, a node that has not ended.
    #[serde(default)]
    pub origins: Vec<Origin>,
}

/// A point from which a story walks back, because it is not a cause of the event that broke the invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// This event: the story shows it, the request that led to it, and the files that were written and synced meanwhile.
    Event(Seq),
    /// The end of this node: the story shows its last messages, and the state of the nodes that it last exchanged some with.
    Node(NodeId),
}

impl Violation {
    /// The signature: the invariant, the class and the sites.
    pub fn signature(&self) -> Signature {
        let mut text = format!("{} · {}", self.invariant, self.class);
        for site in &self.sites {
            text.push_str(" · ");
            text.push_str(site);
        }
        Signature(text)
    }
}

/// The identity of a failure: invariant, class and sites, without line numbers, seeds and times. Two runs with one signature are
/// one finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Signature(String);

impl Signature {
    /// The signature as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Signature {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
