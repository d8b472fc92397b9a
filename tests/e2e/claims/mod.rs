//! Claims of scenarios, of probes and of the catalogue: each broken, and each only just kept.

mod catalogue;
mod deadlocks;
mod errors;
mod lost_entries;
mod own_invariants;
mod pairs;
mod probes;
mod process_ends;
mod recovery;
mod temporal;
mod traces;
mod unreported;

use crate::harness::Module;

/// The modules of this folder.
pub(crate) fn modules() -> Vec<Module> {
    vec![
        temporal::module(),
        recovery::module(),
        lost_entries::module(),
        deadlocks::module(),
        probes::module(),
        own_invariants::module(),
        process_ends::module(),
        catalogue::module(),
        errors::module(),
        unreported::module(),
        traces::module(),
    ]
}
