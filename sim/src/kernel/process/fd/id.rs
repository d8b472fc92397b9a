//! The number of an open description.

/// An open description, as an index into all that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DescriptionId(pub(super) u32);
