//! A small service on turmoil's sockets, as in its users' tests, and the documentation of watching them.
#![doc = include_str!("../../../src/watch/turmoil/watch.md")]

pub mod feed;
