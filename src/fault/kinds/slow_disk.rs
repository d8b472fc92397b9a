//! A slow disk: each sync takes longer for a while.

use crate::fault::field::Field;
use crate::fault::kind::{Active, FaultKind, Lift, Moment, NodeNames, Strike};
use crate::fault::outcome::Miss;
use crate::fault::ranges::{ordered, up_to};
use crate::fault::{Fault, Faults};
use crate::model::duration::{nanoseconds, span};
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const ID: &str = "slow-disk";

/// Each sync of a disk takes longer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlowDisk {
    node: NodeId,
    extra_ns: u64,
    for_ns: u64,
}

impl SlowDisk {
    /// The extra sync latency that these faults add to the same disk, in nanoseconds.
    fn slowest(&self, active: &[Active<'_>]) -> u64 {
        let others = active.iter().filter_map(|other| other.fault.as_kind::<Self>());
        others.filter(|other| other.node == self.node).map(|other| other.extra_ns).max().unwrap_or(0)
    }
}

impl FaultKind for SlowDisk {
    fn id(&self) -> &'static str {
        ID
    }

    fn need(&self) -> Need {
        Need::SlowDisks
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![Field::Node(&mut self.node), Field::lasting(&mut self.extra_ns), Field::lasting(&mut self.for_ns)]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("slow disk on {}", name(self.node))
    }

    fn details(&self) -> String {
        format!("{} a sync, for {}", span(self.extra_ns), span(self.for_ns))
    }

    fn prepare(&self, moment: Moment<'_, '_>) -> Result<Option<String>, Miss> {
        let covers = |_: &Active<'_>, other: &Self| other.node == self.node && other.extra_ns >= self.extra_ns;
        moment.not_covered(self.for_ns, covers).map(|()| None)
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        strike.control.slow_disk(self.node, self.slowest(strike.active).max(self.extra_ns));
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        let extra_ns = self.slowest(lift.others);
        lift.control.slow_disk(self.node, extra_ns);
        if extra_ns == 0 {
            lift.healed();
        }
    }
}

impl Fault {
    /// Delays each sync of the disk of `node` by `extra`, for this long. Of several, the slowest counts.
    pub fn slow_disk(node: NodeId, extra: Duration, lasting: Duration) -> Self {
        Self::new(SlowDisk { node, extra_ns: nanoseconds(extra), for_ns: nanoseconds(lasting) })
    }
}

impl Faults {
    /// Allows slow disks: each sync takes `low` to `high` longer than usual. A disk stays slow for 10% to 100% of
    /// `for_at_most`.
    ///
    /// # Panics
    /// If `low` is longer than `high`.
    #[track_caller]
    pub fn slow_disks(self, low: Duration, high: Duration, for_at_most: Duration) -> Self {
        let (extra_ns, for_ns) = (ordered(low, high), up_to(for_at_most));
        self.allow(ID, Need::SlowDisks, move |drawing| {
            let extra_ns = drawing.between("extra", extra_ns);
            Some(SlowDisk { node: drawing.node, extra_ns, for_ns: drawing.between("for", for_ns) })
        })
    }
}
