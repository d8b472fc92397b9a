//! A narrow link: few bytes a second pass between two nodes for a while.

use crate::fault::field::Field;
use crate::fault::shapes::link::{Effect, OnLink};
use crate::fault::{Fault, Faults};
use crate::model::engine::Need;
use afterlife_sim::LinkFault;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub(crate) type NarrowLink = OnLink<Narrow>;

/// The bandwidth is low.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Narrow {
    bytes_per_s: u64,
}

impl Effect for Narrow {
    const ID: &'static str = "narrow-link";
    const NEED: Need = Need::BadLinks;

    fn link_fault(&self) -> LinkFault {
        LinkFault::Narrow(self.bytes_per_s)
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![Field::Fixed(&mut self.bytes_per_s)]
    }

    fn figure(&self) -> Option<String> {
        Some(format!("{} bytes a second", self.bytes_per_s))
    }
}

impl Fault {
    /// Limits the link between `a` and `b` to this many bytes a second, for this long.
    pub fn narrow_link(a: NodeId, b: NodeId, bytes_per_s: u64, lasting: Duration) -> Self {
        Self::new(NarrowLink::between(a, b, Narrow { bytes_per_s }, lasting))
    }
}

impl Faults {
    /// Allows narrow links between two of the nodes: the bandwidth is `low_bytes_per_s` to `high_bytes_per_s` bytes a second. A
    /// link stays narrow for 10% to 100% of `for_at_most`.
    ///
    /// # Panics
    /// If the lower bandwidth is 0 or more than the higher one.
    #[track_caller]
    pub fn narrow_links(self, low_bytes_per_s: u64, high_bytes_per_s: u64, for_at_most: Duration) -> Self {
        assert!(
            0 < low_bytes_per_s && low_bytes_per_s <= high_bytes_per_s,
            "a bandwidth from {low_bytes_per_s} to {high_bytes_per_s} bytes a second: give the smaller one first, above 0"
        );
        let range = (low_bytes_per_s, high_bytes_per_s);
        self.link_faults(for_at_most, move |drawing| Narrow { bytes_per_s: drawing.between("bandwidth", range) })
    }
}
