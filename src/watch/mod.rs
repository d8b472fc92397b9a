//! Claims on code that afterlife does not run itself: turmoil's and madsim's own tests, and logs from production.
//!
//! ```text
//! audit/     a log or a record, checked line by line (`afterlife audit`)
//! live/      a test of another simulator, recorded while it runs and judged at its end
//! turmoil/   the parts of live/ that know turmoil       madsim/   the parts that know madsim
//! ```

#[cfg(feature = "cli")]
pub(crate) mod audit;
pub(crate) mod guests;
#[cfg(any(feature = "turmoil", madsim, test))]
#[cfg_attr(
    not(feature = "turmoil"),
    allow(dead_code, unreachable_pub, unused_imports, reason = "turmoil needs it, and so do tests without it")
)]
pub(crate) mod live;
#[cfg(madsim)]
pub mod madsim;
#[cfg(feature = "turmoil")]
pub mod turmoil;
