//! The end of a run, and a fault of a node's code that caused it.
//! The end of a process is an event, not an ending.

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The observer asked for it.
    Asked,
    /// Its virtual time was up.
    TimeUp,
    /// Nothing could run and no deadline was left.
    Quiet,
    /// There were more events than a run may have.
    TooManyEvents,
    /// The code of a node caused a fault of the processor, or ran too long without any call.
    Crashed,
}

/// A fault in a node's code that would have brought the process down.
#[derive(Clone, Debug)]
pub struct Crash {
    /// The signal; `None` for a thread that made no call for too long.
    pub signal: Option<i32>,
    /// The node whose code it was.
    pub node: String,
    /// Node, thread, time and address on the first line, then the calls.
    pub stack: String,
}
