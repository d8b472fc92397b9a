//! The file state that is no single node's: files that are mapped into memory, and the last write.

use crate::event::{NodeId, Seq};
use crate::kernel::fs::disk::InodeId;
use crate::kernel::fs::images::Images;

/// Files that are mapped into memory, and the last write.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) images: Images,
    /// The event of the last write, and its file. Further writes to this file that follow it belong to the same event.
    pub(super) last_write: Option<(Seq, NodeId, InodeId)>,
}
