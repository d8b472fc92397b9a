//! The three builds of the master, and the orders in which the crashing releases stop. The builds differ where they
//! stop, in `shutdown.rs`.

/// A release of the master. All three share their code and differ only where upstream's releases differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// The crashing releases: #2614 and, by default, #2680, the one that #3128 reports. See [`StopOrder`].
    Shipped,
    /// Upstream's head: raft first, stop flag, joined cluster tasks, a fixed pause, then the close.
    Patched,
    /// Every apply has ended before the store that it writes to is closed.
    Sound,
}

/// The part that [`Build::Shipped`] stops first. The other builds do not read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopOrder {
    /// v2023-09, #2614 `273e2ead2`: the database is closed while raft still runs.
    DatabaseFirst,
    /// v2023-10, #2680 `022da12d5`: raft is stopped, then the database is closed at once.
    #[default]
    RaftFirst,
    /// No release: the first fix that comes to mind after reading the report. `stop` joins `runApply` as well, but
    /// under the raft server's lock, and an apply that truncates the log waits for that lock.
    RaftJoinedUnderLock,
}
