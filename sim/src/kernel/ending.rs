//! The end of a run, and the crash of a node's code that may have caused it.
//! The end of a process is an event, not an ending.

/// The reason for a run's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The observer ended the run.
    Asked,
    /// Its virtual time ran out.
    TimeUp,
    /// Nothing could run and no deadline was pending.
    Quiet,
    /// The run exceeded its number of events.
    TooManyEvents,
    /// A node's code caused a processor fault, ran for too long without a call, or slept for real.
    Crashed,
}

/// A crash in a node's code, of a kind that would have killed the harness's process.
#[derive(Clone, Debug)]
pub struct Crash {
    /// Its kind.
    pub kind: CrashKind,
    /// The node's name.
    pub node: String,
    /// Node, thread, time and address on the first line, then the calls.
    pub stack: String,
}

/// The kind of a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashKind {
    /// A processor fault, with its signal.
    Fault(i32),
    /// The thread ran for too long without a call.
    Spun,
    /// The thread slept for too long in a wait that the simulation does not control.
    Slept,
}
