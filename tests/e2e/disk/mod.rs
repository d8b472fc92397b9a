//! A node's disk: files, failing disks, power losses, databases.

mod careless_store;
mod disk_faults;
mod file_calls;
mod files;
mod power_loss;
mod redb;

use crate::harness::Module;

/// The modules of this folder.
pub(crate) fn modules() -> Vec<Module> {
    vec![
        files::module(),
        file_calls::module(),
        disk_faults::module(),
        power_loss::module(),
        careless_store::module(),
        redb::module(),
    ]
}
