//! The files of `/proc` and `/sys` whose content is made when they are opened, as Linux does: the node's own state in virtual terms, and
//! never the host's.
//!
//! ```text
//! paths      the files and directories that a fresh disk has
//! content    the content of a file at this moment, by path
//! process    /proc/self: identity, memory, threads, limits     machine   clocks, memory, processors, settings, control groups
//! listing    directories that list what a process has: its descriptors and threads
//! ```

mod content;
mod listing;
mod machine;
pub(super) mod paths;
mod process;
