//! The simulated machine: its properties, its clocks, and calls that escape it.

mod clocks;
mod descriptors;
mod escapes;
mod foreign_descriptors;
mod host;
mod proc;
mod proc_files;

use crate::harness::Module;

/// The modules of this folder.
pub(crate) fn modules() -> Vec<Module> {
    vec![
        host::module(),
        proc::module(),
        proc_files::module(),
        clocks::module(),
        escapes::module(),
        foreign_descriptors::module(),
        descriptors::module(),
    ]
}
