//! Memory pressure: the memory budget of a process is small for a while.
//! Memory that it has stays its own; the next allocation beyond the budget is an OOM kill.

use crate::fault::draw::{Drawing, up_to};
use crate::fault::kind::{Active, Decode, Draw, Drawn, FaultKind, Lift, NodeNames, Strike};
use crate::fault::number::Number;
use crate::fault::wire::{PlanReader, PlanWriter, WireError};
use crate::fault::{Fault, Faults};
use crate::model::duration::nanoseconds;
use crate::model::duration::span;
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A memory budget is small for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemoryPressure {
    pub(crate) node: NodeId,
    pub(crate) budget_bytes: u64,
    pub(crate) for_ns: u64,
}

impl MemoryPressure {
    /// The smallest budget that these faults leave the same process.
    fn tightest(&self, active: &[Active<'_>]) -> Option<u64> {
        let same = active.iter().filter_map(|other| Self::of(other.fault)).filter(|other| other.node == self.node);
        same.map(|other| other.budget_bytes).min()
    }
}

impl Fault {
    /// Leaves `node` a memory budget of so many bytes for this long. Of several, the smallest counts.
    pub fn memory_pressure(node: NodeId, budget_bytes: u64, lasting: Duration) -> Self {
        MemoryPressure { node, budget_bytes, for_ns: nanoseconds(lasting) }.into()
    }
}

impl FaultKind for MemoryPressure {
    fn id(&self) -> &'static str {
        "memory-pressure"
    }

    fn need(&self) -> Need {
        Need::Memory
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.node]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("memory pressure on {}", name(self.node))
    }

    fn details(&self) -> String {
        format!("budget {} bytes, for {}", self.budget_bytes, span(self.for_ns))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.node).number(self.budget_bytes).number(self.for_ns);
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

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::lasting(&mut self.for_ns)]
    }
}

impl Decode for MemoryPressure {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { node: from.node()?, budget_bytes: from.number()?, for_ns: from.number()? })
    }
}

/// Memory pressure as a scenario allows it.
#[derive(Clone, Debug)]
struct Allowed {
    budget_bytes: (u64, u64),
    for_ns: (u64, u64),
}

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "memory-pressure"
    }

    fn need(&self) -> Need {
        Need::Memory
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        let budget_bytes = drawing.between("budget", self.budget_bytes);
        Some(MemoryPressure { node: drawing.node, budget_bytes, for_ns: drawing.between("for", self.for_ns) }.into())
    }
}

impl Faults {
    /// Allows memory budgets of `low_bytes` to `high_bytes`, for a tenth of `for_at_most` up to all of it. It takes
    /// [`Memory`](crate::Memory) as the allocator of the program.
    ///
    /// # Panics
    /// If `low_bytes` is more than `high_bytes`.
    pub fn memory_pressure(self, low_bytes: u64, high_bytes: u64, for_at_most: Duration) -> Self {
        assert!(low_bytes <= high_bytes, "budgets from {low_bytes} to {high_bytes} bytes: give the smaller one first");
        self.allow(Allowed { budget_bytes: (low_bytes, high_bytes), for_ns: up_to(for_at_most) })
    }
}
