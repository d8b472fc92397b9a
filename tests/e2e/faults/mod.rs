//! Faults that overlap, and faults that a scenario injects itself.
//! What one fault does is tested with what it strikes.

mod injected;
mod overlaps;

use crate::harness::Module;

/// The modules of this folder.
pub(crate) fn modules() -> Vec<Module> {
    vec![overlaps::module(), injected::module()]
}
