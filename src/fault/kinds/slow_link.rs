//! A slow link: each message between two nodes takes longer for a while.

use crate::fault::field::Field;
use crate::fault::ranges::ordered;
use crate::fault::shapes::link::{Effect, OnLink};
use crate::fault::{Fault, Faults};
use crate::model::duration::{nanoseconds, span};
use crate::model::engine::Need;
use afterlife_sim::LinkFault;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub(crate) type SlowLink = OnLink<Slow>;

/// Each message takes longer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slow {
    extra_ns: u64,
}

impl Effect for Slow {
    const ID: &'static str = "slow-link";
    const NEED: Need = Need::SlowLinks;

    fn link_fault(&self) -> LinkFault {
        LinkFault::Slow(self.extra_ns)
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![Field::lasting(&mut self.extra_ns)]
    }

    fn figure(&self) -> Option<String> {
        Some(format!("{} a message", span(self.extra_ns)))
    }
}

impl Fault {
    /// Delays each message between `a` and `b` by `extra`, for this long.
    pub fn slow_link(a: NodeId, b: NodeId, extra: Duration, lasting: Duration) -> Self {
        Self::new(SlowLink::between(a, b, Slow { extra_ns: nanoseconds(extra) }, lasting))
    }
}

impl Faults {
    /// Allows slow links between two of the nodes: each message takes `low` to `high` longer than usual, in both directions. A link
    /// stays slow for 10% to 100% of `for_at_most`.
    ///
    /// # Panics
    /// If `low` is longer than `high`.
    #[track_caller]
    pub fn slow_links(self, low: Duration, high: Duration, for_at_most: Duration) -> Self {
        let extra_ns = ordered(low, high);
        self.link_faults(for_at_most, move |drawing| Slow { extra_ns: drawing.between("extra", extra_ns) })
    }
}
