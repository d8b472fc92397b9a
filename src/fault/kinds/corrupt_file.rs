//! A corrupt file: some bytes of a file of a node change, on the media too. Nothing heals it.

use crate::fault::kind::Strike;
use crate::fault::shapes::file::{Damage, FileFault};
use crate::fault::{Fault, Faults};
use afterlife_sim::event::NodeId;

pub(crate) type CorruptFile = FileFault<Corruption>;

/// Bytes change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Corruption;

impl Damage for Corruption {
    const ID: &'static str = "corrupt-file";
    const VERB: &'static str = "corrupt";
    const NEEDS_CONTENT: bool = true;

    fn damage(strike: Strike<'_, '_>, node: NodeId, path: &str) {
        strike.control.corrupt_file(node, path, strike.injection);
    }
}

impl Fault {
    /// Corrupts the `nth` file of `node` that has content, from 1, in the order of their paths. A larger number wraps around.
    pub fn corrupt_file(node: NodeId, nth: u32) -> Self {
        Self::new(CorruptFile::on(node, nth))
    }
}

impl Faults {
    /// Allows corrupt files: bytes of any non-empty file of a node change, on the media too. A bit flips, or a sector turns
    /// into zeros or noise. The program sees the change at its next read. Nothing heals it.
    pub fn corrupt_files(self) -> Self {
        self.file_damage::<Corruption>()
    }
}
