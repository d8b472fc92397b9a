//! File systems.
//!
//! ```text
//! state       disk        the disk of a node: names, content, what a power loss leaves
//!             files       the file state that is no single node's
//!             images      files that are mapped into memory
//!             system_files  the files of a fresh machine, without /proc and /sys
//! operations  file        open, read, write; the time that a device takes
//!             sync        fsync and its kin; a device that does not answer
//!             locking     flock and record locks
//!             mapping     mmap, munmap, msync
//!             descriptor  files as descriptors
//! ```

pub mod disk;

mod descriptor;
mod file;
pub(crate) mod files;
mod images;
mod locking;
mod mapping;
mod sync;
pub(crate) mod system_files;
