//! How a run ended, and what is known of a fault that ended it.
//! How a process of the run ended is an event.

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
    /// The code of a node met a fault of the processor, or went round without passing a door.
    Crashed,
}

/// A fault in a node's code that would have brought the process down.
#[derive(Clone, Debug)]
pub struct Crash {
    /// The signal; `None` for a thread that passed no door for too long.
    pub signal: Option<i32>,
    /// Whose code it was.
    pub node: String,
    /// Node, thread, time and address on the first line, then the calls.
    pub stack: String,
}
