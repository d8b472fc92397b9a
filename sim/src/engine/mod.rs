//! Engines: ways to run a room. Native runs stock tokio and threads behind the doors, in one process of its own.
//! An engine knows no scenario and no claim.

#[cfg(any(feature = "turmoil", madsim))]
pub(crate) mod carried;
mod isolate;
#[cfg(madsim)]
pub(crate) mod madsim;
mod native;
#[cfg(feature = "turmoil")]
pub(crate) mod turmoil;

pub use isolate::{ChildEnd, How, cpu_ns, fix_addresses, in_child, last_words};
pub(crate) use isolate::{beat, carried_here, name_node};
pub use native::{Machine, Outcome, become_host, run};
