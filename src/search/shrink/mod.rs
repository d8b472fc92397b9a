//! Shrinking: the smallest plan that still breaks the same claim at the same sites, within a stated number of replays.
//! It is deterministic: one finding shrinks to one plan, whatever the number of runners.
//!
//! ```text
//! search.rs      asks an executor which simpler plans break
//! minimise.rs    the loop over simpler plans
//! simpler.rs     the plans that are one step simpler
//! ```

mod minimise;
mod search;
mod simpler;

pub(crate) use search::{Smaller, search};
#[cfg(feature = "proptest")]
pub(crate) use simpler::simpler_plans;

/// The default bound on the replays of a finding. A plan of three injections takes about fifty.
pub(crate) const REPLAYS_MAX: u64 = 200;
