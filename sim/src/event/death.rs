//! The ways in which a process ends.

use serde::{Deserialize, Serialize};

/// The end of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Death {
    /// Its main function returned, or it called `exit(code)`.
    Exit {
        /// The exit code; 0 is a good end.
        code: i32,
    },
    /// A panic unwound out of its main function.
    Panic,
    /// It called `abort()`.
    Abort,
    /// SIGKILL: no destructors, peers get RST, the page cache stays.
    Kill,
    /// A stop was requested and the budget ran out: SIGKILL.
    Overrun,
    /// Power was lost: no destructors, silence, what was not synced is gone.
    PowerLoss,
    /// It asked for more memory than its node has: SIGKILL by the kernel, as an OOM kill is.
    OutOfMemory,
    /// A signal without a handler ended it.
    Signal {
        /// The signal's number.
        signal: i32,
    },
}
