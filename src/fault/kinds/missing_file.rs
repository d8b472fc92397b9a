//! A missing file: one file of a node vanishes, durably. A process that has it open keeps it. Nothing heals it.

use crate::fault::kind::Strike;
use crate::fault::shapes::file::{Damage, FileFault};
use crate::fault::{Fault, Faults};
use afterlife_sim::event::NodeId;

pub(crate) type MissingFile = FileFault<Removal>;

/// The file vanishes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Removal;

impl Damage for Removal {
    const ID: &'static str = "missing-file";
    const VERB: &'static str = "remove";
    const NEEDS_CONTENT: bool = false;

    fn damage(strike: Strike<'_, '_>, node: NodeId, path: &str) {
        strike.control.remove_file(node, path, strike.cause);
    }
}

impl Fault {
    /// Removes the `nth` file of `node`, from 1, in the order of their paths. A larger number wraps around.
    pub fn missing_file(node: NodeId, nth: u32) -> Self {
        Self::new(MissingFile::on(node, nth))
    }
}

impl Faults {
    /// Allows missing files: any file of a node vanishes, durably. A process that has it open keeps it. Nothing heals it.
    pub fn missing_files(self) -> Self {
        self.file_damage::<Removal>()
    }
}
