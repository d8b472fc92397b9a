//! A small service on madsim's tokio, as in its users' tests, and the documentation of watching them.
#![doc = include_str!("../../../src/watch/madsim/watch.md")]

#[cfg(not(madsim))]
compile_error!(
    "without `--cfg madsim` nothing is simulated: start cargo in this folder, or set RUSTFLAGS=\"--cfg madsim\""
);

pub mod feed;
