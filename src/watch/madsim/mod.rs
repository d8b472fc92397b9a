//! Watches tests that are written for [madsim](https://docs.rs/madsim), for uses after the end of a lifetime.
//! The simulation stays madsim's: nothing is injected, no random number is drawn, and no task is spawned.
//!
#![doc = include_str!("watch.md")]

mod begin;
mod nodes;

pub use begin::watch;
