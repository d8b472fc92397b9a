//! The scenario: everything that a test author uses.
//!
//! | file | content |
//! |---|---|
//! | `definition` | `Scenario`: a function with a name, as a program offers it |
//! | `variant` | the known ways in which a scenario's builds break |
//! | `sim` | `Sim`: the builder that a scenario's function writes into |
//! | `description` | the run that it described |
//! | `host_name` | the names that nodes may have |
//! | `node`, `hosted`, `main_task` | the code of a node: its handle, its runtime, its main future |
//! | `process` | a node as data |
//! | `disk`, `clock`, `link`, `supervisor` | its surroundings |
//! | `rng` | random numbers for workloads |
//! | `claim`, `ledger` | claims, and the entries that they compare |

pub(crate) mod claim;
pub(crate) mod clock;
pub(crate) mod definition;
pub(crate) mod description;
pub(crate) mod disk;
mod host_name;
mod hosted;
pub(crate) mod ledger;
pub(crate) mod link;
pub(crate) mod main_task;
pub(crate) mod node;
pub(crate) mod process;
pub(crate) mod rng;
pub(crate) mod sim;
pub(crate) mod supervisor;
pub(crate) mod variant;
