//! The kinds of things that a process leaks.

use serde::{Deserialize, Serialize};

/// A thing that a process should have ended or closed before its own end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Leak {
    /// A thread that still ran.
    Thread,
    /// An asynchronous task that had not ended.
    Task,
    /// A connection or datagram socket.
    Socket,
    /// A socket that listened.
    Listener,
    /// An open file.
    File,
    /// A lock on a file.
    Lock,
    /// A timer descriptor.
    Timer,
}
