//! The thin face that scenarios are written against, so that every engine runs the same code: the names of the engine that
//! this program is built for, re-exported. It adds nothing.
//!
//! tokio's own unless the feature `turmoil` is on; then its network is turmoil's. Time, tasks and channels are tokio's on
//! both; only what ends a process is the engine's. What is written against this and nothing else of a network is [portable](crate::Scenario::portable).

#[cfg(not(feature = "turmoil"))]
pub use tokio::net;
pub use tokio::{select, spawn, sync, task, time};
#[cfg(feature = "turmoil")]
pub use turmoil::net;

mod parity;

/// How a process ends itself, whatever it was at. On turmoil the end comes when the host has had its turn, and these return.
pub mod process {
    #[cfg(feature = "turmoil")]
    pub use afterlife_sim::turmoil::{abort, exit};
    #[cfg(not(feature = "turmoil"))]
    pub use std::process::{abort, exit};
}
