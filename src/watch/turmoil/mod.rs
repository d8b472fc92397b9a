//! Tests that are written for [turmoil](https://docs.rs/turmoil) already, watched for what happens after the end of things.
//! Their simulation is theirs: nothing is injected here, and no host, clock, number or message of it is touched.
//!
#![doc = include_str!("watch.md")]

mod hosts;
mod spans;

use crate::watch::live::{Hearing, Origin, Watching, hear};
use hosts::Hosts;
use spans::Turns;
use std::panic::Location;

/// Watches a simulation from here on, until the answer is dropped: what probes tell on its hosts, and panics anywhere in it.
///
/// Put it behind `build()`: hosts that were there before are known by name from their first step on. It listens on the
/// calling thread, on which the simulation is to be stepped. Of the subscriber of `tracing` that is in force here, nothing is
/// kept back; one that is set later on this thread hides from the watch which host speaks.
///
/// # Panics
/// If somebody else hears the probes of this process. The answer panics when it is dropped, if a claim broke; see [`Watching`].
#[track_caller]
pub fn watch(sim: &::turmoil::Sim<'_>) -> Watching {
    let origin = Origin::of(Location::caller(), "", None, "rng_seed");
    let hosts = Hosts::default();
    let hearing = Hearing::new(hosts::nanoseconds(sim.elapsed()));
    Watching::begin(Box::new(hosts), hearing, origin, Box::new(hear(Turns::default())))
}
