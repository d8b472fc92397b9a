//! A missing file: one file of a node vanishes, durably. A process that has it open keeps it. Nothing heals it.

use crate::fault::draw::{Drawing, FILES};
use crate::fault::kind::{Decode, Draw, Drawn, FaultKind, NodeNames, Strike};
use crate::fault::number::Number;
use crate::fault::wire::{PlanReader, PlanWriter, WireError};
use crate::fault::words::ordinal;
use crate::fault::{Fault, Faults};
use crate::model::engine::Need;
use afterlife_sim::Control;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};

/// A file vanishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MissingFile {
    pub(crate) node: NodeId,
    pub(crate) nth: u32,
}

impl Fault {
    /// Removes the `nth` file of `node`, from 1, in the order of their paths. A larger number wraps around.
    pub fn missing_file(node: NodeId, nth: u32) -> Self {
        MissingFile { node, nth }.into()
    }
}

impl FaultKind for MissingFile {
    fn id(&self) -> &'static str {
        "missing-file"
    }

    fn need(&self) -> Need {
        Need::Disks
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.node]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("remove the {} file of {}", ordinal(self.nth), name(self.node))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.node).number(self.nth.into());
    }

    fn prepare(&self, _injection: u32, control: &mut Control<'_>) -> Option<String> {
        control.nth_file(self.node, self.nth, false)
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        if let Some(path) = strike.prepared {
            strike.control.remove_file(self.node, &path, strike.cause);
        }
        None
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::Short { at: &mut self.nth, least: 1 }]
    }
}

impl Decode for MissingFile {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { node: from.node()?, nth: from.small()? })
    }
}

/// Missing files as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed;

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "missing-file"
    }

    fn need(&self) -> Need {
        Need::Disks
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        Some(MissingFile { node: drawing.node, nth: 1 + drawing.below("file", FILES) as u32 }.into())
    }
}

impl Faults {
    /// Allows files to vanish, durably: each time any one of the files of a node. A process that has it open keeps it. Nothing heals
    /// it.
    pub fn missing_files(self) -> Self {
        self.allow(Allowed)
    }
}
