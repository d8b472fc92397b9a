//! A held link: nothing arrives for a while, then everything does.

use crate::fault::shapes::link::{Effect, OnLink};
use crate::fault::{Fault, Faults};
use crate::model::engine::Need;
use afterlife_sim::LinkFault;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub(crate) type HeldLink = OnLink<Held>;

/// All messages wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {}

impl Effect for Held {
    const ID: &'static str = "held-link";
    const NEED: Need = Need::Holds;

    fn link_fault(&self) -> LinkFault {
        LinkFault::Hold
    }
}

impl Fault {
    /// Holds all messages between `a` and `b` for this long, then delivers them.
    pub fn held_link(a: NodeId, b: NodeId, lasting: Duration) -> Self {
        Self::new(HeldLink::between(a, b, Held {}, lasting))
    }
}

impl Faults {
    /// Allows held links between two of the nodes: all messages wait in both directions, for 10% to 100% of `for_at_most`, and
    /// are then delivered.
    pub fn held_links(self, for_at_most: Duration) -> Self {
        self.link_faults(for_at_most, |_| Held {})
    }
}
