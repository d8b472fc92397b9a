//! The three builds of the master, and the orders in which the crashing releases stopped.
//! It holds no behaviour: what a build does is read where its shutdown is, in `shutdown.rs`.

/// Which release of the master runs. All three share their code and differ only where upstream's differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// The crashing releases: #2614 and, by default, #2680, the one that #3128 reports. See [`StopOrder`].
    Shipped,
    /// Upstream's head: raft first, stop flag, joined cluster tasks, a fixed pause, then the close.
    Patched,
    /// What applies has ended before what it writes to is closed.
    Sound,
}

/// What [`Build::Shipped`] stops first; the other builds do not read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopOrder {
    /// v2023-09, #2614 `273e2ead2`: the database is closed while raft still runs.
    DatabaseFirst,
    /// v2023-10, #2680 `022da12d5`: raft is stopped, then the database is closed at once.
    #[default]
    RaftFirst,
    /// No release: what one writes first when one reads the report. `stop` joins `runApply`, too, where it stands: under
    /// the raft server's lock. An apply that truncates the log waits for that lock.
    RaftJoinedUnderLock,
}
