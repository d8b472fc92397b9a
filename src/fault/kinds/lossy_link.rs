//! A lossy link: some messages between two nodes are lost for a while.
//! TCP retransmits them; datagrams are gone.

use crate::fault::field::Field;
use crate::fault::ranges::rate;
use crate::fault::shapes::link::{Effect, OnLink};
use crate::fault::{Fault, Faults};
use crate::model::engine::Need;
use afterlife_sim::LinkFault;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub(crate) type LossyLink = OnLink<Lossy>;

/// Some messages are lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lossy {
    per_mille: u16,
}

impl Effect for Lossy {
    const ID: &'static str = "lossy-link";
    const NEED: Need = Need::BadLinks;

    fn link_fault(&self) -> LinkFault {
        LinkFault::Lossy(self.per_mille)
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![Field::Fixed(&mut self.per_mille)]
    }

    fn figure(&self) -> Option<String> {
        Some(format!("{} ‰", self.per_mille))
    }
}

impl Fault {
    /// Loses `per_mille` of a thousand messages between `a` and `b`, for this long. TCP retransmits them; datagrams are gone.
    ///
    /// # Panics
    /// If `per_mille` is not 1 to 1 000.
    #[track_caller]
    pub fn lossy_link(a: NodeId, b: NodeId, per_mille: u16, lasting: Duration) -> Self {
        Self::new(LossyLink::between(a, b, Lossy { per_mille: rate(per_mille) }, lasting))
    }
}

impl Faults {
    /// Allows lossy links between two of the nodes: 1 to `per_mille_max` of a thousand messages are lost, in both directions. TCP
    /// retransmits them; datagrams are gone. A link stays lossy for 10% to 100% of `for_at_most`.
    ///
    /// # Panics
    /// If `per_mille_max` is not 1 to 1 000.
    #[track_caller]
    pub fn lossy_links(self, per_mille_max: u16, for_at_most: Duration) -> Self {
        let per_mille_max = rate(per_mille_max);
        self.link_faults(for_at_most, move |drawing| Lossy { per_mille: drawing.rate(per_mille_max) })
    }
}
