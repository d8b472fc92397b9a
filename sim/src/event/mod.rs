//! Events: what happened in a run, in order. The one vocabulary that everything downstream reads.

pub mod probe;
pub(crate) mod recorder;
mod what;

pub use what::*;
