//! The file state that is no single node's: files that are mapped into memory.

use crate::kernel::fs::images::Images;

/// Files that are mapped into memory.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) images: Images,
}
