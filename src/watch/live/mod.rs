//! A live audit of another simulator's test: probe events are recorded, and claims judge them at the end.
//! It runs, injects and draws nothing, so the simulation is the same without it.
//!
//! ```text
//! guard        the public guard: it begins, judges and reports
//! sink         the thread's listener: probes and panics go to its recorder
//! recorder     facts to events, names to numbers             subscriber   spans and events of the simulator, through `tracing`
//! judge        claims on the recorded events
//! ```

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
pub(crate) use recorder::{At, Recorder};
pub(crate) use sink::{Simulator, with_simulator};
#[cfg(any(feature = "turmoil", madsim))]
pub(crate) use subscriber::{Observer, observe};
