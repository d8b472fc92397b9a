//! Tests that are written for turmoil or madsim, and logs from production, judged by the same claims.

pub(crate) mod audit;
pub(crate) mod guests;
#[cfg(any(feature = "turmoil", madsim, test))]
#[cfg_attr(
    not(feature = "turmoil"),
    allow(dead_code, unreachable_pub, unused_imports, reason = "what turmoil alone needs, and tests without it")
)]
pub(crate) mod live;
#[cfg(madsim)]
pub mod madsim;
#[cfg(feature = "turmoil")]
pub mod turmoil;
