//! The scenario: everything that a test author writes with.

pub(crate) mod claim;
pub(crate) mod clock;
pub(crate) mod definition;
pub(crate) mod disk;
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
