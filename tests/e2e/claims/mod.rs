//! Claims of scenarios, of probes and of the catalogue: each broken, and each only just kept.

mod catalogue;
mod known_issues;
mod own;
mod pairs;
mod traces;
mod unreported;

use crate::harness::Module;

/// The modules of this folder.
pub(crate) fn modules() -> Vec<Module> {
    vec![own::module(), catalogue::module(), unreported::module(), traces::module()]
}
