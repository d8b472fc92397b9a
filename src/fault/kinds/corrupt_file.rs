//! A corrupt file: some bytes of a file of a node change, on the media too. Nothing heals it.

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

/// Bytes of a file change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CorruptFile {
    pub(crate) node: NodeId,
    pub(crate) nth: u32,
}

impl Fault {
    /// Corrupts the `nth` file of `node` that has content, from 1, in the order of their paths. A larger number wraps around.
    pub fn corrupt_file(node: NodeId, nth: u32) -> Self {
        CorruptFile { node, nth }.into()
    }
}

impl FaultKind for CorruptFile {
    fn id(&self) -> &'static str {
        "corrupt-file"
    }

    fn need(&self) -> Need {
        Need::Disks
    }

    fn targets(&self) -> Vec<NodeId> {
        vec![self.node]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("corrupt the {} file of {}", ordinal(self.nth), name(self.node))
    }

    fn write(&self, to: &mut PlanWriter) {
        to.node(self.node).number(self.nth.into());
    }

    fn prepare(&self, _injection: u32, control: &mut Control<'_>) -> Option<String> {
        control.nth_file(self.node, self.nth, true)
    }

    fn strike(&self, strike: Strike<'_, '_>) -> Option<u64> {
        if let Some(path) = strike.prepared {
            strike.control.corrupt_file(self.node, &path, strike.injection);
        }
        None
    }

    fn numbers(&mut self) -> Vec<Number<'_>> {
        vec![Number::Short { at: &mut self.nth, least: 1 }]
    }
}

impl Decode for CorruptFile {
    fn read(from: &mut PlanReader<'_>) -> Result<Self, WireError> {
        Ok(Self { node: from.node()?, nth: from.small()? })
    }
}

/// Corrupt files as a scenario allows them.
#[derive(Clone, Debug)]
struct Allowed;

impl Draw for Allowed {
    fn name(&self) -> &'static str {
        "corrupt-file"
    }

    fn need(&self) -> Need {
        Need::Disks
    }

    fn draw(&self, drawing: &Drawing<'_>) -> Option<Drawn> {
        Some(CorruptFile { node: drawing.node, nth: 1 + drawing.below("file", FILES) as u32 }.into())
    }
}

impl Faults {
    /// Allows bytes of files to change, on the media too: a flipped bit, a sector of zeros or of noise. The program sees it at its
    /// next read. Nothing heals it.
    pub fn corrupt_files(self) -> Self {
        self.allow(Allowed)
    }
}
