//! A live audit: what probes tell in a simulation that is somebody else's becomes events, which claims judge when it is over.
//! It runs nothing, injects nothing, and draws nothing: the simulation goes on as it would without.

mod guard;
mod judge;
mod recorder;
mod sink;
#[cfg(any(feature = "turmoil", madsim))]
mod subscriber;
#[cfg(test)]
mod tests;

pub(crate) use guard::Origin;
pub use guard::{Breach, Held, Watching};
pub(crate) use recorder::{At, Hearing};
pub(crate) use sink::{Simulator, heard};
#[cfg(any(feature = "turmoil", madsim))]
pub(crate) use subscriber::{Hears, hear};
