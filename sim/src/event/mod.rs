//! Events: the facts of a run, in order. The one vocabulary that everything downstream reads.
//!
//! | | |
//! |---|---|
//! | `what` | an event and its content |
//! | `id`, `death`, `leak`, `probe_event`, `waiting` | the types that events carry |
//! | `probe` | turns facts that probes report into events |
//! | `recorder` | numbers events, folds them into the digest, keeps them on demand |
//! | `digest` | the digest of a run |
//! | `socket` | a socket, as lists of a simulation's state show it |
//! | `misconfiguration` | a call that failed because of the setup, which is no event |
//! | `signal`, `errno` | names of signals and error numbers |

pub mod probe;

mod death;
mod digest;
mod errno;
mod id;
mod leak;
mod misconfiguration;
mod probe_event;
pub(crate) mod recorder;
mod signal;
mod socket;
mod waiting;
mod what;

pub use death::Death;
pub use digest::Digest;
pub use errno::errno_name;
pub use id::{Name, NodeId, Seq};
pub use leak::Leak;
pub use misconfiguration::Misconfiguration;
pub use probe_event::ProbeEvent;
pub use signal::signal_name;
pub use socket::{Socket, SocketStatus, Transport};
pub use waiting::{Waiting, descriptor};
pub use what::{Event, What};
