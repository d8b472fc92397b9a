//! Tests that are written for [madsim](https://docs.rs/madsim) already, watched for what happens after the end of things.
//! Their simulation is theirs: nothing is injected here, no number is drawn and no task is made.
//!
#![doc = include_str!("watch.md")]

use crate::live::{At, Hearing, Origin, Simulator, Watching};
use ::madsim::runtime::Handle;
use ::madsim::time::TimeHandle;
use std::panic::Location;
use std::time::Duration;

/// Watches a simulation from here on, until the answer is dropped: what probes tell on its nodes, and panics anywhere in it.
///
/// Call it where the test begins, in `#[madsim::test]` or before a runtime's `block_on`, on the same thread.
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
    Watching::begin(Box::new(Nodes { machine }), hearing, origin, Box::new(()))
}

/// The node that drives a simulation: the test itself.
const MAIN: &str = "madsim-main";

/// Nodes by name. madsim tells it to whoever asks for the name of the machine, and asks no lock for that: facts are also told
/// while madsim holds its locks, by destructors and by what a restart begins with.
struct Nodes {
    /// What the machine itself is called: who hears that is at work for no node.
    machine: String,
}

impl Simulator for Nodes {
    fn at(&mut self, hearing: &mut Hearing) -> At {
        let name = afterlife_sim::host_name();
        let who = match name.as_str() {
            MAIN => Some((hearing.host("the test"), 1)),
            name if name == self.machine || name.is_empty() => None,
            name => Some((hearing.host(name), 1)),
        };
        At { who, task: 0, time_ns: now_ns() }
    }
}

fn now_ns() -> Option<u64> {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    TimeHandle::try_current().map(|time| nanoseconds(time.elapsed()))
}
