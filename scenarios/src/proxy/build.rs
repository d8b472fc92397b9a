//! The proxy's three builds, and the two flavours in which a release is compiled.
//! This file holds no behaviour; most differences between the builds are in `shutdown.rs`.

/// The release that a proxy runs. All three share their code and differ only where upstream's releases differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// The crashing release: after #4510, before #4546.
    Shipped,
    /// With #4546: the pointer is nulled, the flag is checked once more, the filters are leaked.
    Patched,
    /// Every thread has an owner that joins it before tearing down the objects that it uses.
    Sound,
}

/// A release's compile mode: upstream's `#ifdef DEBUG`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// TERM ends the process at once, since #4355. There are no debug filters.
    Release,
    /// TERM is a slow shutdown, and every logged line consults the debug filters.
    Debug,
}
