//! The terms that every part of the harness uses. Nothing here imports another folder.
//!
//! - `violation`: a broken invariant as data, and its signature
//! - `verdict`: the outcome of a command, and its exit code
//! - `refusal`: a command that cannot be carried out, with the next step
//! - `build`: the builds of a scenario
//! - `engine`: the engines, and what each supports
//! - `group`: the nodes that a scenario made together
//! - `duration`: durations as nanoseconds and as text
//! - `nearest`: suggestions for mistyped names

pub(crate) mod build;
pub(crate) mod duration;
pub(crate) mod engine;
pub(crate) mod env;
pub(crate) mod group;
pub(crate) mod nearest;
pub(crate) mod refusal;
#[cfg(test)]
pub(crate) mod scratch;
pub(crate) mod verdict;
pub(crate) mod violation;
