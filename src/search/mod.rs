//! The search: campaigns over many runs, shrinking, replays and checks.
//!
//! ```text
//! campaign/      many runs of one scenario until something breaks
//! shrink/        the smallest plan that still breaks
//! replay.rs      replays one known run; check.rs compares two runs of one request
//! variants.rs    the runs until each variant is found; engines.rs compares engines
//! settings.rs    the environment variables; budget.rs parses seeds, shards and durations
//! run_log.rs     the traced lines of a finding; moment.rs pairs an event with its record
//! proptest.rs    plans as `proptest` strategies
//! ```

pub(crate) mod budget;
pub(crate) mod campaign;
pub(crate) mod check;
pub(crate) mod engines;
pub(crate) mod moment;
#[cfg(feature = "proptest")]
pub(crate) mod proptest;
pub(crate) mod replay;
pub(crate) mod run_log;
pub(crate) mod settings;
pub(crate) mod shrink;
pub(crate) mod variants;
