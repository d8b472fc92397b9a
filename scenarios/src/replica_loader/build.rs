//! The three builds of the bulk loader.
//! It holds no behaviour: what a build does is read where the loader downloads and clears, in `download.rs` and
//! `replica_bulk_loader.rs`.

/// Which release of the replica servers runs. All three share their code and differ only where upstream's differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// v2.4, the one that #2006 reports: a file task refers into `files` across its whole download.
    Shipped,
    /// #2077 `d42d839393`: the list is copied into the task and handed along; nothing is joined, nothing carries a round.
    Patched,
    /// A clear interrupts and joins every task of its round.
    Sound,
}
