//! Tests that are written for [madsim](https://docs.rs/madsim) already, watched for what happens after the end of things.
//! Their simulation is theirs: nothing is injected here, no number is drawn and no task is made.
//!
#![doc = include_str!("watch.md")]

mod nodes;

use crate::watch::live::{Hearing, Origin, Watching, hear};
use ::madsim::runtime::Handle;
use nodes::{Lives, Nodes, now_ns};
use std::panic::Location;

/// Watches a simulation from here on, until the answer is dropped: what probes tell on its nodes, and panics anywhere in it.
///
/// Call it where the test begins, in `#[madsim::test]` or before a runtime's `block_on`, on the same thread. Of the subscriber
/// of `tracing` that is in force there, nothing is kept back.
///
/// # Panics
/// If somebody else hears the probes of this process. The answer panics when it is dropped, if a claim broke; see [`Watching`].
#[track_caller]
pub fn watch() -> Watching {
    let seed = Handle::try_current().ok().map(|handle| handle.seed());
    let seeded = seed.map(|seed| format!("MADSIM_TEST_SEED={seed} ")).unwrap_or_default();
    let seed_is = if seed.is_some() { "" } else { "seed" };
    let origin = Origin::of(Location::caller(), &format!("{seeded}RUSTFLAGS=\"--cfg madsim\" "), seed, seed_is);
    // The system's own word for it, by a way that madsim does not pass.
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    let hearing = Hearing::new(now_ns().unwrap_or_default());
    Watching::begin(Box::new(Nodes::on(machine)), hearing, origin, Box::new(hear(Lives)))
}
