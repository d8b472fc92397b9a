//! The three builds of the proxy, and the two ways in which a release is compiled.
//! It holds no behaviour: what a build does is read where it does it, above all in `shutdown.rs`.

/// Which release of the proxy runs. All three share their code and differ only where upstream's differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// The crashing release: after #4510, before #4546.
    Shipped,
    /// With #4546: a pointer nulled, one more look at a flag, a registry that is leaked.
    Patched,
    /// Every thread has an owner who joins it before what it uses is torn down.
    Sound,
}

/// How a release is compiled: upstream's `#ifdef DEBUG`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// TERM ends the process at once, since #4355. There are no debug filters.
    Release,
    /// TERM is a slow shutdown, and every line that is logged asks the debug filters.
    Debug,
}
