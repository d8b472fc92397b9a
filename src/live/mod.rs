//! A live audit: what probes tell in a simulation that is somebody else's becomes events, which claims judge when it is over.
//! It runs nothing, injects nothing, and draws nothing: the simulation goes on as it would without.

mod hearing;
mod judge;
mod listener;
#[cfg(test)]
mod tests;
mod watching;

pub(crate) use hearing::{At, Hearing};
pub(crate) use listener::{Simulator, heard};
pub(crate) use watching::Origin;
pub use watching::{Breach, Held, Watching};
