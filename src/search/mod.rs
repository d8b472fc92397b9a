//! The search: campaigns over many runs, shrinking, replays and checks.

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
