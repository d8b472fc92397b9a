//! The three builds of the coordinator.
//! It holds no behaviour: what a build does is read where the builds differ, and `mod.rs` says where that is.

/// Which release of the server runs. All three share their code and differ only where upstream's differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// 0.4.1 and 0.4.2: the progress callback has a raw pointer to the query status.
    Shipped,
    /// 1.0.0 and later, PR #1602: a weak reference to the process list's entry, locked for each call.
    Patched,
    /// A query's end waits for the handlers that are inside of it; nobody removes what another has registered.
    Sound,
}
