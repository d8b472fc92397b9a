//! Shrinking: the smallest plan that still breaks the same claim at the same places, within a stated number of replays.
//! Deterministic: one finding shrinks to one plan, however many runners there are. It finds nothing new.

mod minimise;
mod search;
mod simpler;

pub(crate) use search::{Smaller, search};
#[cfg(feature = "proptest")]
pub(crate) use simpler::simpler_plans;

/// How many replays a finding may cost unless somebody says otherwise: a plan of three injections takes about fifty.
pub(crate) const REPLAYS_MAX: u64 = 200;
