//! File systems: the disk of a node, files as descriptors, files as memory.

pub mod disk;

pub(crate) mod file;
pub(crate) mod files;
pub(crate) mod mapping;
