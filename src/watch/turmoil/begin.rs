//! The beginning of a watch on turmoil's simulation.

use super::hosts::{Hosts, nanoseconds};
use super::spans::Turns;
use crate::watch::live::{Origin, Recorder, Watching, observe};
use std::panic::Location;

/// Watches a simulation until the guard is dropped: the probe events of its hosts, and panics anywhere in it.
///
/// Call it after `build()`, on the thread that steps the simulation. Hosts that were registered before are known by name from their
/// first step on. The current `tracing` subscriber still receives everything. If a subscriber is set later on this thread, the
/// watch no longer sees which host is running.
///
/// # Panics
/// If another sink receives the probe facts of this process. The guard panics when it is dropped if a claim broke; see
/// [`Watching`].
#[track_caller]
pub fn watch(sim: &::turmoil::Sim<'_>) -> Watching {
    let origin = Origin::of(Location::caller(), "", None, "rng_seed");
    let hosts = Hosts::default();
    let recorder = Recorder::new(nanoseconds(sim.elapsed()));
    Watching::begin(Box::new(hosts), recorder, origin, Box::new(observe(Turns::default())))
}
