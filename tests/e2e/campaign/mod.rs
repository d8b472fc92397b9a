//! Campaigns and single runs as a user calls them.
//! The systems of `scenarios/` have their own tests.

mod crashes;
mod determinism;
mod footprint;
mod night;
mod promise;
mod refusals;
mod runners;
mod terminal;
mod vacuous;

use crate::harness::Module;

/// The modules of this folder.
pub(crate) fn modules() -> Vec<Module> {
    vec![
        promise::module(),
        determinism::module(),
        night::module(),
        crashes::module(),
        footprint::module(),
        runners::module(),
        refusals::module(),
        terminal::module(),
        vacuous::module(),
    ]
}
