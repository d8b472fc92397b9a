//! The network, time and tasks of the engine that this program is built for, under one set of names. A scenario that uses no
//! other network is [portable](crate::Scenario::portable): every engine runs it. This module adds nothing of its own.
//!
//! | build | network | time, tasks | channels, blocking threads |
//! |---|---|---|---|
//! | default | tokio | tokio | tokio |
//! | feature `turmoil` | turmoil | tokio | tokio |
//! | feature and `--cfg madsim` | madsim | madsim | tokio |

#[cfg(madsim)]
pub use ::madsim::{net, task::spawn, time};
#[cfg(not(any(feature = "turmoil", madsim)))]
pub use tokio::net;
pub use tokio::{select, sync};
#[cfg(not(madsim))]
pub use tokio::{spawn, task, time};
#[cfg(feature = "turmoil")]
pub use turmoil::net;

/// madsim's tasks, and tokio's blocking threads: madsim has none.
#[cfg(madsim)]
pub mod task {
    pub use ::madsim::task::{AbortHandle, Id, JoinError, JoinHandle, spawn, spawn_local, yield_now};
    pub use tokio::task::spawn_blocking;
}

pub(crate) mod guest;
mod parity;
mod portable;

/// Ends the calling process at once. On turmoil these functions return, and the process ends with the host's turn.
pub mod process {
    #[cfg(feature = "turmoil")]
    pub use afterlife_sim::turmoil::{abort, exit};
    #[cfg(not(feature = "turmoil"))]
    pub use std::process::{abort, exit};
}
