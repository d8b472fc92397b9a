//! The three builds of the bulk loader. The builds differ where the loader downloads and clears, in `download.rs` and
//! `replica_bulk_loader.rs`.

/// A release of the replica servers. All three share their code and differ only where upstream's releases differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// v2.4, the release that #2006 reports: a file task refers into `files` during its whole download.
    Shipped,
    /// #2077 `d42d839393`: the list is copied into the task, which hands it on. Nothing is joined, and nothing identifies a round.
    Patched,
    /// A clear interrupts and joins every task of its round.
    Sound,
}
