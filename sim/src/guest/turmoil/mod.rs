//! turmoil as a guest engine: its simulation runs on the guest thread, and each of its hosts is a node. turmoil has the network
//! and tokio's time; clocks of std, entropy, files, lifecycles, events and their observer stay the kernel's.
//! turmoil itself is unmodified.
//!
//! ```text
//! engine         the entry points of the harness: run, turns, abort, exit
//! guest_thread   turmoil's simulation: its hosts, and its links (guest_thread/links)
//! engine_state   the state of turmoil alone
//! kernel         operations of the kernel for turmoil alone
//! ```

mod engine;
pub(super) mod engine_state;
mod guest_thread;
mod kernel;

pub use engine::{abort, exit, run, turn_begins, turn_ends};
