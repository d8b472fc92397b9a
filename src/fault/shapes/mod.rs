//! The common parts of several kinds of faults. Each kind keeps its own file in `kinds/`.
//!
//! | file | shape | kinds |
//! |---|---|---|
//! | `link` | a fault of a link between two nodes, for a while | slow, lossy, held, narrow links; duplicated, reordered datagrams |
//! | `disk` | a fault of a node's whole disk, for a while | stalled and full disks, disk errors |
//! | `file` | lasting damage to one file of a node | missing and corrupt files |
//! | `sudden_end` | a sudden end, and a restart | kills, power losses |

pub(super) mod disk;
pub(super) mod file;
pub(super) mod link;
pub(super) mod sudden_end;
