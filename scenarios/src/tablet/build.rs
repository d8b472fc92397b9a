//! The three builds of the tablet. [`Build`] names the files in which they differ.

/// A release of the tablet. All three share their code and differ only where upstream's releases differ: `stats.rs` and
/// `engine.rs` (the map and the order), `shard_sync.rs` (the nil event), `vttablet.rs` (the end of the process).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// v20.0 to v21.0.1, with #15175 `fa59f9d912`.
    Shipped,
    /// v21.0.2: with upstream's fix, #17638 `aebc4b82f9`, and with the defects that it leaves.
    Patched,
    /// Open or closed and nothing in between; every watch ends with an error; a panic stays within its diff; memory is
    /// bounded.
    Sound,
}
