//! The three builds of the tablet.
//! It holds no behaviour: what a build does is read where it does it; [`Build`] says where that is.

/// Which release of the tablet runs. All three share their code and differ only where upstream's differ: `stats.rs` and
/// `engine.rs` (the map and the order), `shard_sync.rs` (the event that is none), `vttablet.rs` (how the process ends).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// v20.0 to v21.0.1: #15175 `fa59f9d912` is in.
    Shipped,
    /// v21.0.2: with upstream's fix, #17638 `aebc4b82f9`, and what that leaves open.
    Patched,
    /// Open or closed and nothing between, every watch ends with an error, a panic stays in its diff, memory is bounded.
    Sound,
}
