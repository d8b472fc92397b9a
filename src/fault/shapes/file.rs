//! Lasting damage to one file of a node. Nothing heals it.

use crate::fault::Faults;
use crate::fault::field::Field;
use crate::fault::kind::{FaultKind, Listed, Moment, NodeNames, Strike};
use crate::fault::outcome::Miss;
use crate::fault::words::ordinal;
use crate::model::engine::Need;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use std::marker::PhantomData;

/// More files than a node has: the index of one wraps around.
const FILES: u64 = 1 << 16;

/// A kind of damage to a file.
pub(crate) trait Damage: Debug + Clone + Default + PartialEq + Send + Sync + 'static {
    /// The stable name of the kind.
    const ID: &'static str;
    /// The verb of its title: `remove`.
    const VERB: &'static str;
    /// True if only files with content count.
    const NEEDS_CONTENT: bool;

    /// Damages the file at this path.
    fn damage(strike: Strike<'_, '_>, node: NodeId, path: &str);
}

/// Damage to one file: the `nth` of its node, from 1, in the order of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileFault<D> {
    node: NodeId,
    nth: u32,
    #[serde(skip)]
    damage: PhantomData<D>,
}

impl<D: Damage> FileFault<D> {
    /// Damage to the `nth` file of a node.
    pub(in crate::fault) fn on(node: NodeId, nth: u32) -> Self {
        Self { node, nth, damage: PhantomData }
    }
}

impl<D: Damage> FaultKind for FileFault<D> {
    fn id(&self) -> &'static str {
        D::ID
    }

    fn need(&self) -> Need {
        Need::Disks
    }

    fn fields(&mut self) -> Vec<Field<'_>> {
        vec![Field::Node(&mut self.node), Field::nth(&mut self.nth)]
    }

    fn title(&self, name: NodeNames<'_>) -> String {
        format!("{} the {} file of {}", D::VERB, ordinal(self.nth), name(self.node))
    }

    fn prepare(&self, moment: Moment<'_, '_>) -> Result<Option<String>, Miss> {
        let none = if D::NEEDS_CONTENT { Miss::NoContent } else { Miss::NoFile };
        moment.control.nth_file(self.node, self.nth, D::NEEDS_CONTENT).map(Some).ok_or(none)
    }

    fn strike(&self, mut strike: Strike<'_, '_>) -> Option<u64> {
        if let Some(path) = strike.prepared.take() {
            D::damage(strike, self.node, &path);
        }
        None
    }
}

impl Faults {
    /// Allows damage to files: each fault damages any one of the files of a node.
    pub(in crate::fault) fn file_damage<D: Damage>(self) -> Self
    where
        FileFault<D>: Listed,
    {
        self.allow(D::ID, Need::Disks, |drawing| {
            Some(FileFault::<D>::on(drawing.node, 1 + drawing.below("file", FILES) as u32))
        })
    }
}
