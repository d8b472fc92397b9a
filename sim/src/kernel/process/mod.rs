//! Processes: nodes, their lifecycle, descriptors, signals, memory.
//!
//! | | |
//! |---|---|
//! | `table` | all nodes, and what their processes share |
//! | `node`, `address` | one machine and its process; its addresses |
//! | `state`, `lifecycle` | the process state; starts and ends of processes and threads |
//! | `stop`, `stop_request`, `pause` | stop requests; pauses and holds |
//! | `signal`, `signal_delivery` | signals: state; delivery |
//! | `descriptor_table`, `fd/` | descriptors; the kinds of descriptions |
//! | `storage`, `disk_faults` | the disk of a node; its faults |
//! | `memory` | allocations |
//! | `machine`, `limits` | the processors and the memory of a machine; resource limits |
//! | `proc_files/` | the files of `/proc` and `/sys` |
//! | `printed`, `output` | the last lines that a process printed; printed and traced lines for the record |
//! | `probe_counters` | the counters behind the answers to probes |
//! | `leaked`, `leak` | leaks: state; detection and report |
//! | `wait_snapshot` | the waits of a process that does not come to its end |

pub(crate) mod address;
pub(crate) mod descriptor_table;
mod disk_faults;
pub(crate) mod fd;
mod leak;
pub(crate) mod leaked;
mod lifecycle;
pub(crate) mod limits;
pub(crate) mod machine;
pub(crate) mod memory;
pub(crate) mod node;
pub(crate) mod output;
mod pause;
mod printed;
pub(crate) mod probe_counters;
mod proc_files;
pub(crate) mod signal;
mod signal_delivery;
pub(crate) mod state;
pub(crate) mod stop;
mod stop_request;
pub(crate) mod storage;
pub(crate) mod table;
mod wait_snapshot;
