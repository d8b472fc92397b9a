//! The beginning of a watch on madsim's simulation.

use super::nodes::{NodeSpans, Nodes, now_ns};
use crate::watch::live::{Origin, Recorder, Watching, observe};
use ::madsim::runtime::Handle;
use std::panic::Location;

/// Watches a simulation until the guard is dropped: the probe events of its nodes, and panics anywhere in it.
///
/// Call it at the beginning of the test, in `#[madsim::test]` or before a runtime's `block_on`, on the same thread. The current
/// `tracing` subscriber still receives everything.
///
/// # Panics
/// If another sink receives the probe facts of this process. The guard panics when it is dropped if a claim broke; see
/// [`Watching`].
#[track_caller]
pub fn watch() -> Watching {
    let seed = Handle::try_current().ok().map(|handle| handle.seed());
    let seeded = seed.map(|seed| format!("MADSIM_TEST_SEED={seed} ")).unwrap_or_default();
    let seed_is = if seed.is_some() { "" } else { "seed" };
    let origin = Origin::of(Location::caller(), &format!("{seeded}RUSTFLAGS=\"--cfg madsim\" "), seed, seed_is);
    // The real host name. madsim does not intercept this file.
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    let recorder = Recorder::new(now_ns().unwrap_or_default());
    Watching::begin(Box::new(Nodes::on(machine)), recorder, origin, Box::new(observe(NodeSpans)))
}
