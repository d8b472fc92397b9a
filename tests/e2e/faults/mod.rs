//! Overlapping faults, faults on nodes that are down, and faults that a scenario injects itself.
//! The effect of a single fault is tested with the part that it strikes.

mod down;
mod injected;
mod overlaps;

use crate::harness::Module;

/// The modules of this folder.
pub(crate) fn modules() -> Vec<Module> {
    vec![overlaps::module(), down::module(), injected::module()]
}
