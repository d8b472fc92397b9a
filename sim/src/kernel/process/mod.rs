//! Processes: nodes, their lifecycle, descriptors, signals, memory.

pub(crate) mod fd;
pub(crate) mod leak;
mod lifecycle;
pub(crate) mod memory;
pub(crate) mod node;
pub(crate) mod output;
mod pause;
pub(crate) mod signal;
pub(crate) mod table;
