//! The file state that processes share: files that are mapped into memory.

use crate::kernel::fs::mapping::Image;

/// Files that are mapped into memory.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) images: Vec<Image>,
}
