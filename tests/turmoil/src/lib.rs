//! What turmoil's own tests are like: a small service on turmoil's sockets, and what the documentation promises of watching it.
#![doc = include_str!("../../../src/watch/turmoil/watch.md")]

pub mod feed;
