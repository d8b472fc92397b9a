//! The coordinator's three builds.
//! This file holds no behaviour: `mod.rs` lists the files in which the builds differ.

/// The release that a server or worker runs. All three share their code and differ only where upstream's releases differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// 0.4.1 and 0.4.2: the progress callback holds a raw pointer to the query status.
    Shipped,
    /// 1.0.0 and later, PR #1602: it holds a weak reference to the process list's entry, upgraded for each call.
    Patched,
    /// The end of a query waits for the handlers that still run; nobody removes another's entry.
    Sound,
}
