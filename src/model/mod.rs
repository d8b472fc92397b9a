//! The terms that every part of the harness uses. Nothing here imports another folder.
//!
//! - `violation`: a broken invariant as data, and its signature
//! - `verdict`: the outcome of a command, and its exit code
//! - `refusal`: a command that cannot be carried out, with the next step
//! - `build`: the labels of a scenario's builds
//! - `engine`: the engines, and what each supports
//! - `group`: the nodes that a scenario made together
//! - `duration`: durations as nanoseconds and as text
//! - `role`: the name that the nodes of a group share
//! - `source_path`: source paths that are the same on every machine
//! - `nearest`: suggestions for mistyped names
//! - `visible`: text without characters that a terminal obeys
//! - `terminal`: text without colours, and whether they are wanted
//! - `shell`: words quoted for a shell

pub(crate) mod build;
pub(crate) mod duration;
pub(crate) mod engine;
pub(crate) mod env;
pub(crate) mod group;
pub(crate) mod nearest;
pub(crate) mod refusal;
pub(crate) mod role;
#[cfg(test)]
pub(crate) mod scratch;
pub(crate) mod shell;
pub(crate) mod source_path;
pub(crate) mod terminal;
pub(crate) mod verdict;
pub(crate) mod violation;
pub(crate) mod visible;
