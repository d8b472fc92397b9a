//! What tests for madsim are like: a small service on madsim's tokio, and what the documentation promises of watching it.
#![doc = include_str!("../../../src/watch/madsim/watch.md")]

#[cfg(not(madsim))]
compile_error!(
    "without `--cfg madsim` nothing is simulated: start cargo in this folder, or set RUSTFLAGS=\"--cfg madsim\""
);

pub mod feed;
