//! Overlapping faults, and faults that a scenario injects itself.
//! The effect of a single fault is tested with the part that it strikes.

mod injected;
mod overlaps;

use crate::harness::Module;

/// The modules of this folder.
pub(crate) fn modules() -> Vec<Module> {
    vec![overlaps::module(), injected::module()]
}
