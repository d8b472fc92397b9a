//! Memory pressure: the memory budget of a process is small for a while.
//! Memory that the process already has is not taken away; the next allocation beyond the budget is an OOM kill.

use crate::fault::field::Field;
use crate::fault::kind::{Active, FaultKind, Lift, Moment, NodeNames, Strike};
use crate::fault::number::Number;
use crate::fault::outcome::Miss;
use crate::fault::ranges::up_to;
use crate::fault::{Fault, Faults};
use crate::model::duration::{nanoseconds, span};
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const ID: &str = "memory-pressure";

/// The smallest budget that the shrinker tries: a smaller one kills any process at once.
const LEAST_BYTES: u64 = 1_000_000;

/// A memory budget is small for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemoryPressure {
    node: NodeId,
    budget_bytes: u64,
    for_ns: u64,
}

impl MemoryPressure {
    /// The smallest budget that these faults leave the same process.
    fn tightest(&self, active: &[Active<'_>]) -> Option<u64> {
        let others = active.iter().filter_map(|other| other.fault.as_kind::<Self>());
        others.filter(|other| other.node == self.node).map(|other| other.budget_bytes).min()
    }
}

impl FaultKind for MemoryPressure {
    fn id(&self) -> &'static str {
        ID
    }

    fn need(&self) -> Need {
        Need::Memory
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![
            Field::Node(&mut self.node),
            Field::Number(Number::Long { at: &mut self.budget_bytes, least: LEAST_BYTES }),
            Field::lasting(&mut self.for_ns),
        ]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("memory pressure on {}", name(self.node))
    }

    fn details(&self) -> String {
        format!("budget {} bytes, for {}", self.budget_bytes, span(self.for_ns))
    }

    fn needs_process(&self) -> bool {
        true
    }

    fn prepare(&self, moment: Moment<'_, '_>) -> Result<Option<String>, Miss> {
        let covers = |_: &Active<'_>, other: &Self| other.node == self.node && other.budget_bytes <= self.budget_bytes;
        moment.not_covered(self.for_ns, covers).map(|()| None)
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        let least = self.tightest(strike.active).map_or(self.budget_bytes, |other| other.min(self.budget_bytes));
        strike.control.limit_memory(self.node, Some(least));
        Some(self.for_ns)
    }

    fn lift(&self, mut lift: Lift<'_, '_>) {
        let budget = self.tightest(lift.others);
        lift.control.limit_memory(self.node, budget);
        if budget.is_none() {
            lift.healed();
        }
    }
}

impl Fault {
    /// Limits `node` to a memory budget of this many bytes, for this long. Of several, the smallest counts.
    pub fn memory_pressure(node: NodeId, budget_bytes: u64, lasting: Duration) -> Self {
        Self::new(MemoryPressure { node, budget_bytes, for_ns: nanoseconds(lasting) })
    }
}

impl Faults {
    /// Allows memory budgets of `low_bytes` to `high_bytes` bytes, for 10% to 100% of `for_at_most`. Memory that the
    /// process already has is not taken away; its next allocation beyond the budget is an OOM kill. The program needs
    /// [`Memory`](crate::Memory) as its global allocator.
    ///
    /// # Panics
    /// If `low_bytes` is more than `high_bytes`.
    #[track_caller]
    pub fn memory_pressure(self, low_bytes: u64, high_bytes: u64, for_at_most: Duration) -> Self {
        assert!(low_bytes <= high_bytes, "budgets from {low_bytes} to {high_bytes} bytes: give the smaller one first");
        let for_ns = up_to(for_at_most);
        self.allow(ID, Need::Memory, move |drawing| {
            let budget_bytes = drawing.between("budget", (low_bytes, high_bytes));
            Some(MemoryPressure { node: drawing.node, budget_bytes, for_ns: drawing.between("for", for_ns) })
        })
    }
}
