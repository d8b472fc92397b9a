//! The lifecycle of processes: deaths, stops, pauses, restarts, leaks.

mod death_table;
mod deaths;
mod leaks;
mod memory_budgets;
mod pauses;
mod repeated_stops;
mod signals;
mod stale_messages;
mod statics;
mod supervision;

use crate::harness::Module;

/// The modules of this folder.
pub(crate) fn modules() -> Vec<Module> {
    vec![
        deaths::module(),
        death_table::module(),
        supervision::module(),
        pauses::module(),
        repeated_stops::module(),
        signals::module(),
        leaks::module(),
        memory_budgets::module(),
        stale_messages::module(),
        statics::module(),
    ]
}
