//! The thin face that scenarios are written against, so that every engine runs the same code: the names of the engine that
//! this program is built for, re-exported. It adds nothing.
//!
//! tokio's own unless the feature `turmoil` is on or the build is with `--cfg madsim`. With the first its network is turmoil's, and
//! time, tasks and channels are tokio's; with the second network, time and tasks are madsim's, and only threads to block on and
//! channels are tokio's. What ends a process is the engine's. What is written against this and nothing else of a network is
//! [portable](crate::Scenario::portable).

#[cfg(madsim)]
pub use ::madsim::{net, task::spawn, time};
#[cfg(not(any(feature = "turmoil", madsim)))]
pub use tokio::net;
pub use tokio::{select, sync};
#[cfg(not(madsim))]
pub use tokio::{spawn, task, time};
#[cfg(feature = "turmoil")]
pub use turmoil::net;

/// madsim's tasks, and tokio's threads to block on: madsim has none.
#[cfg(madsim)]
pub mod task {
    pub use ::madsim::task::{AbortHandle, Id, JoinError, JoinHandle, spawn, spawn_local, yield_now};
    pub use tokio::task::spawn_blocking;
}

mod parity;

/// How a process ends itself, whatever it was at. On turmoil the end comes when the host has had its turn, and these return.
pub mod process {
    #[cfg(feature = "turmoil")]
    pub use afterlife_sim::turmoil::{abort, exit};
    #[cfg(not(feature = "turmoil"))]
    pub use std::process::{abort, exit};
}
