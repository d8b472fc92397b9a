//! Afterlife from end to end, in one binary: scenarios as users write them, run by the command line that users call.
//! It is its own runner program, as any binary that calls `afterlife::main` is.
//!
//! Each folder is a part of the simulation, each file a behaviour:
//!
//! - `campaign`: search, tokens, shards, reports, runs that crash
//! - `claims`: the claims of scenarios and the catalogue of invariants, broken and kept
//! - `disk`: files, power loss, failing disks, a database
//! - `failure`: causes, call sites, records
//! - `faults`: faults that overlap, faults on nodes that are down, faults that a scenario injects
//! - `lifecycle`: deaths, stops, pauses, restarts, leaks
//! - `machine`: the properties of a simulated machine, its clocks, calls that escape it
//! - `net`: TCP, UDP, Unix sockets, links, names, HTTP
//! - `threads`: std, tokio and pthreads, held threads, spinning threads

mod campaign;
mod claims;
mod disk;
mod failure;
mod faults;
#[path = "../harness/mod.rs"]
mod harness;
mod lifecycle;
mod machine;
mod net;
mod reach;
mod threads;
mod time;

use std::process::ExitCode;

fn main() -> ExitCode {
    let folders = [
        campaign::modules(),
        claims::modules(),
        disk::modules(),
        failure::modules(),
        faults::modules(),
        lifecycle::modules(),
        machine::modules(),
        net::modules(),
        threads::modules(),
    ];
    harness::main(folders.into_iter().flatten())
}
