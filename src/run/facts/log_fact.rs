//! A fact about a lifetime, as a log line or a `tracing` event states it.

/// One fact. The numbers of objects are text, since a program may name them as it likes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogFact {
    /// The time in nanoseconds since 1970, if given.
    pub(crate) time_ns: Option<u64>,
    /// The process; empty if not given.
    pub(crate) node: String,
    /// The thread; 0 if not given.
    pub(crate) thread: u32,
    /// The kind of fact.
    pub(crate) kind: String,
    /// The name of the object.
    pub(crate) name: String,
    /// The program's number of the object.
    pub(crate) object: Option<String>,
    /// The program's number of the borrow, call, task or holder.
    pub(crate) part: Option<String>,
    /// An epoch, a count, a percentage, or 1 if a claim held.
    pub(crate) value: i64,
    /// The user, the callback or the key.
    pub(crate) text: Option<String>,
    /// Source file and line, as `file:line`.
    pub(crate) site: String,
}
