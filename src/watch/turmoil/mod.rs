//! Watches tests that are written for [turmoil](https://docs.rs/turmoil), for uses after the end of a lifetime.
//! The simulation stays turmoil's: nothing is injected, and no host, clock, random number or message is touched.
//!
#![doc = include_str!("watch.md")]

mod begin;
mod hosts;
mod spans;

pub use begin::watch;
