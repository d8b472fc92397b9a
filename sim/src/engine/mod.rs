//! Engines: ways to run a room. Native runs stock tokio and threads behind the doors, in one process of its own.
//! An engine knows no scenario and no claim.

mod isolate;
mod native;

pub use isolate::{ChildEnd, How, fix_addresses, in_child};
pub(crate) use isolate::{beat, last_words, name_node};
pub use native::{Machine, Outcome, run};
