//! turmoil and madsim as guest engines.

#[cfg(madsim)]
pub(crate) mod interposed;
#[cfg(madsim)]
pub(crate) mod madsim;
pub(crate) mod nodes;
pub(crate) mod program;
pub(crate) mod time;
#[cfg(feature = "turmoil")]
pub(crate) mod turmoil;
