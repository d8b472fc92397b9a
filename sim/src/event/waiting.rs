//! The kinds of waits in a snapshot of a process.

use serde::{Deserialize, Serialize};

/// The kind of one wait, as [`What::Waits`](crate::event::What::Waits) reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// The main future of the process, or a future that the event's thread polls itself, was polled and is not ready.
    Main,
    /// An asynchronous task was polled and has not ended.
    Task,
    /// A thread can run.
    Nothing,
    /// A thread waits for a futex wake: of a lock, a condition, a channel, another thread.
    Futex,
    /// A thread waits for an epoll instance or for several descriptors, as the threads of asynchronous runtimes do.
    Readiness,
    /// A thread waits in a call on one TCP socket: a read, a write, an accept.
    Socket,
    /// A thread waits in a call on another descriptor. The event's object is its kind, as [`descriptor`] numbers them.
    Descriptor,
    /// A thread sleeps.
    Sleep,
    /// A thread waits for its disk.
    Disk,
    /// A thread waits for the end of another one.
    Join,
    /// A thread waits for a lock on a file.
    FileLock,
    /// A thread is held, or its process is paused.
    Held,
    /// No process runs on the node.
    Down,
    /// Nothing in the process awaits a stop request: it has no handler for SIGTERM, and no part of it asked to hear of stops.
    NoStop,
}

/// The kinds of descriptors other than TCP sockets, as the objects of [`Waiting::Descriptor`].
pub mod descriptor {
    /// A UDP socket.
    pub const DATAGRAM: u32 = 1;
    /// A Unix socket.
    pub const UNIX: u32 = 2;
    /// A pipe.
    pub const PIPE: u32 = 3;
    /// A timer.
    pub const TIMER: u32 = 4;
    /// A counter: `eventfd`.
    pub const COUNTER: u32 = 5;
}
