//! Processes: nodes, their lifecycle, descriptors, signals, memory.

pub(crate) mod address;
pub(crate) mod descriptor_table;
mod disk_faults;
pub(crate) mod fd;
mod leak;
pub(crate) mod leaked;
mod lifecycle;
pub(crate) mod memory;
pub(crate) mod node;
pub(crate) mod output;
mod pause;
pub(crate) mod signal;
mod signal_delivery;
pub(crate) mod state;
pub(crate) mod stop;
mod stop_request;
pub(crate) mod storage;
pub(crate) mod table;
