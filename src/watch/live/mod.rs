//! A live audit: what probes tell in a simulation that is somebody else's becomes events, which claims judge when it is over.
//! It runs nothing, injects nothing, and draws nothing: the simulation goes on as it would without.

#[cfg(any(feature = "turmoil", madsim))]
mod before;
mod hearing;
mod judge;
mod listener;
#[cfg(test)]
mod tests;
mod watching;

#[cfg(any(feature = "turmoil", madsim))]
pub(crate) use before::{Hears, hear};
pub(crate) use hearing::{At, Hearing};
pub(crate) use listener::{Simulator, heard};
pub(crate) use watching::Origin;
pub use watching::{Breach, Held, Watching};
