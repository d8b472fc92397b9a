//! A fact about a lifetime, as a log line or a `tracing` event states it.

/// One sentence. Numbers are kept as text: a program may name its objects as it likes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogFact {
    /// Nanoseconds since 1970, if said.
    pub(crate) time_ns: Option<u64>,
    /// Which process of the log; empty if it does not say.
    pub(crate) node: String,
    /// Which thread, 0 if not said.
    pub(crate) thread: u32,
    /// Which kind of fact.
    pub(crate) kind: String,
    /// The name of what it is about.
    pub(crate) name: String,
    /// What the program calls the object.
    pub(crate) object: Option<String>,
    /// What the program calls the borrow, call, task or holder.
    pub(crate) part: Option<String>,
    /// An epoch, a count, a percentage, or whether a claim held.
    pub(crate) value: i64,
    /// Who used it, which callback, which key.
    pub(crate) text: Option<String>,
    /// Source file and line, as `file:line`.
    pub(crate) site: String,
}
