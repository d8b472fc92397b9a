//! Faults of a node's whole disk, for a while.

use crate::fault::Faults;
use crate::fault::drawing::Drawing;
use crate::fault::field::Field;
use crate::fault::kind::{Active, FaultKind, Lift, Listed, Moment, NodeNames, Strike};
use crate::fault::outcome::Miss;
use crate::model::duration::{nanoseconds, span};
use crate::model::engine::Need;
use afterlife_sim::disk::DiskFault;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use std::time::Duration;

/// The duration of disk errors and full disks: from one failed operation to a few rounds of retries.
pub(in crate::fault) const BRIEF_NS: (u64, u64) = (1_000_000, 5_000_000_000);

/// The effect of a fault on a disk.
pub(crate) trait Effect: Debug + Clone + Default + PartialEq + Send + Sync + 'static {
    /// The stable name of the kind.
    const ID: &'static str;
    /// The capability that an engine needs for it.
    const NEED: Need;

    /// The effect, for the simulation.
    fn disk_fault(&self) -> DiskFault;

    /// The title of the fault: `full disk on master-0`.
    fn title(&self, node: &str) -> String;

    /// Its own fields.
    fn fields(&mut self) -> Vec<Field<'_>> {
        Vec::new()
    }
}

/// A fault of a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OnDisk<E> {
    node: NodeId,
    effect: E,
    for_ns: u64,
}

impl<E: Effect> OnDisk<E> {
    /// A fault of a node's disk.
    pub(in crate::fault) fn on(node: NodeId, effect: E, lasting: Duration) -> Self {
        Self { node, effect, for_ns: nanoseconds(lasting) }
    }
}

impl<E: Effect> FaultKind for OnDisk<E> {
    fn id(&self) -> &'static str {
        E::ID
    }

    fn need(&self) -> Need {
        E::NEED
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        let mut fields = vec![Field::Node(&mut self.node)];
        fields.extend(self.effect.fields());
        fields.push(Field::lasting(&mut self.for_ns));
        fields
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        self.effect.title(&name(self.node))
    }

    fn details(&self) -> String {
        format!("for {}", span(self.for_ns))
    }

    fn prepare(&self, moment: Moment<'_, '_>) -> Result<Option<String>, Miss> {
        let covers = |_: &Active<'_>, other: &Self| other.node == self.node && other.effect == self.effect;
        moment.not_covered(self.for_ns, covers).map(|()| None)
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.inject_disk_fault(self.node, self.effect.disk_fault());
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        let cause = lift.healed();
        lift.control.clear_disk_faults(self.node, Some(self.effect.disk_fault()), cause);
    }
}

impl Faults {
    /// Allows faults of disks with this effect, for a duration from this range in nanoseconds.
    pub(in crate::fault) fn disk_faults<E: Effect>(
        self,
        for_ns: (u64, u64),
        draw: impl Fn(&Drawing<'_>) -> E + Send + Sync + 'static,
    ) -> Self
    where
        OnDisk<E>: Listed,
    {
        self.allow(E::ID, E::NEED, move |drawing| {
            Some(OnDisk { node: drawing.node, effect: draw(drawing), for_ns: drawing.between("for", for_ns) })
        })
    }
}
