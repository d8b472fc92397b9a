//! Reordered datagrams: some datagrams between two nodes arrive after later ones for a while. TCP is not affected.

use crate::fault::field::Field;
use crate::fault::ranges::rate;
use crate::fault::shapes::link::{Effect, OnLink};
use crate::fault::{Fault, Faults};
use crate::model::engine::Need;
use afterlife_sim::LinkFault;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub(crate) type ReorderedDatagrams = OnLink<Reordered>;

/// Some datagrams arrive late.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reordered {
    per_mille: u16,
}

impl Effect for Reordered {
    const ID: &'static str = "reordered-datagrams";
    const NEED: Need = Need::BadLinks;

    fn link_fault(&self) -> LinkFault {
        LinkFault::Reordering(self.per_mille)
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![Field::Fixed(&mut self.per_mille)]
    }

    fn figure(&self) -> Option<String> {
        Some(format!("{} ‰", self.per_mille))
    }
}

impl Fault {
    /// Delivers `per_mille` of a thousand datagrams between `a` and `b` late, after later ones, for this long.
    ///
    /// # Panics
    /// If `per_mille` is not 1 to 1 000.
    #[track_caller]
    pub fn reordered_datagrams(a: NodeId, b: NodeId, per_mille: u16, lasting: Duration) -> Self {
        Self::new(ReorderedDatagrams::between(a, b, Reordered { per_mille: rate(per_mille) }, lasting))
    }
}

impl Faults {
    /// Allows reordered datagrams between two of the nodes: 1 to `per_mille_max` of a thousand arrive late, after later ones, in
    /// both directions, for 10% to 100% of `for_at_most`. TCP is not affected.
    ///
    /// # Panics
    /// If `per_mille_max` is not 1 to 1 000.
    #[track_caller]
    pub fn reordered_datagrams(self, per_mille_max: u16, for_at_most: Duration) -> Self {
        let per_mille_max = rate(per_mille_max);
        self.link_faults(for_at_most, move |drawing| Reordered { per_mille: drawing.rate(per_mille_max) })
    }
}
