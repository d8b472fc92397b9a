//! Threads: of std, of tokio, of C; held, and spinning.

mod holds;
mod pthreads;
mod spins;
mod std_and_tokio;

use crate::harness::Module;

/// The modules of this folder.
pub(crate) fn modules() -> Vec<Module> {
    vec![std_and_tokio::module(), pthreads::module(), holds::module(), spins::module()]
}
