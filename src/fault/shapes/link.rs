//! Faults of the link between two nodes, in both directions, for a while.

use crate::fault::Faults;
use crate::fault::drawing::Drawing;
use crate::fault::field::Field;
use crate::fault::kind::{FaultKind, Lift, Listed, Moment, NodeNames, Strike};
use crate::fault::outcome::Miss;
use crate::fault::ranges::up_to;
use crate::model::duration::{nanoseconds, span};
use crate::model::engine::Need;
use afterlife_sim::LinkFault;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use std::time::Duration;

/// The effect of a fault on a link.
pub(crate) trait Effect: Debug + Clone + Default + PartialEq + Send + Sync + 'static {
    /// The stable name of the kind, which is its title too: `slow-link`.
    const ID: &'static str;
    /// The capability that an engine needs for it.
    const NEED: Need;

    /// The effect, for the simulation.
    fn link_fault(&self) -> LinkFault;

    /// Its own fields.
    fn fields(&mut self) -> Vec<Field<'_>> {
        Vec::new()
    }

    /// Its figure: `7 ms a message`.
    fn figure(&self) -> Option<String> {
        None
    }
}

/// A fault of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OnLink<E> {
    from: NodeId,
    to: NodeId,
    effect: E,
    for_ns: u64,
}

impl<E: Effect> OnLink<E> {
    /// A fault of the link between two nodes.
    pub(in crate::fault) fn between(from: NodeId, to: NodeId, effect: E, lasting: Duration) -> Self {
        Self { from, to, effect, for_ns: nanoseconds(lasting) }
    }
}

impl<E: Effect> FaultKind for OnLink<E> {
    fn id(&self) -> &'static str {
        E::ID
    }

    fn need(&self) -> Need {
        E::NEED
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        let mut fields = vec![Field::Node(&mut self.from), Field::Node(&mut self.to)];
        fields.extend(self.effect.fields());
        fields.push(Field::lasting(&mut self.for_ns));
        fields
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("{} {} ↔ {}", E::ID.replace('-', " "), name(self.from), name(self.to))
    }

    fn details(&self) -> String {
        let duration = format!("for {}", span(self.for_ns));
        self.effect.figure().map_or(duration.clone(), |figure| format!("{figure}, {duration}"))
    }

    fn prepare(&self, _moment: Moment<'_, '_>) -> Result<Option<String>, Miss> {
        if self.from == self.to { Err(Miss::OneNode) } else { Ok(None) }
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.inject_link_fault(self.from, self.to, self.effect.link_fault());
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        lift.control.clear_link_fault(self.from, self.to, self.effect.link_fault());
        lift.healed();
    }
}

impl Faults {
    /// Allows faults of links with this effect, for 10% to 100% of `for_at_most`.
    pub(in crate::fault) fn link_faults<E: Effect>(
        self,
        for_at_most: Duration,
        draw: impl Fn(&Drawing<'_>) -> E + Send + Sync + 'static,
    ) -> Self
    where
        OnLink<E>: Listed,
    {
        let for_ns = up_to(for_at_most);
        self.allow_between(E::ID, E::NEED, move |drawing| {
            let (effect, for_ns) = (draw(drawing), drawing.between("for", for_ns));
            Some(OnLink { from: drawing.node, to: drawing.other()?, effect, for_ns })
        })
    }
}
