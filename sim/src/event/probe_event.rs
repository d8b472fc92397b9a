//! The steps in lifetimes that probes report.

use serde::{Deserialize, Serialize};

/// A step in a lifetime, reported by a probe of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum ProbeEvent {
    /// A resource exists and is not ready.
    Declared,
    /// A resource is being opened.
    Opening,
    /// A resource is held; the number is the borrow's.
    Borrowed,
    /// The borrow of this number is over.
    Returned,
    /// A callback was registered; the number is the text of its id.
    Registered,
    /// A call of a callback begins; the number is the call's.
    CallBegan,
    /// The call of this number ended.
    CallEnded,
    /// No further call may begin; running calls are awaited.
    Deregistering,
    /// The registration is over.
    Deregistered,
    /// An epoch counter exists.
    EpochBegan,
    /// The counter advanced to the epoch of this number.
    Advanced,
    /// Work of the epoch of this number takes effect; the name is the effect's.
    Effect,
    /// A task scope was opened.
    ScopeOpened,
    /// The task of this number was queued; the object is its scope.
    TaskQueued,
    /// The task runs.
    TaskBegan,
    /// The task was asked to stop.
    TaskCancelled,
    /// The task ended.
    TaskEnded,
    /// The scope reports that all its tasks have ended.
    Joined,
    /// The scope is closed.
    ScopeClosed,
    /// A pool with this number of slots was made.
    SlotsMade,
    /// A slot was taken; the number is the holder's.
    SlotTaken,
    /// The holder of this number returned its slot.
    SlotReturned,
    /// The program's own counter of slots in use shows this number, signed.
    SlotsCounted,
    /// A job of so many items begins.
    ProgressBegan,
    /// One more item was verified.
    ItemVerified,
    /// The program reports this percentage as done.
    ProgressReported,
    /// The program considers the job complete.
    ProgressDone,
    /// A watch channel was opened.
    ChannelOpened,
    /// The channel's reader was notified of its end.
    ChannelNotified,
    /// The channel was closed.
    ChannelClosed,
    /// A registry entry was made; the number is the text of its key.
    EntryMade,
    /// The maker of this entry removed the entry under its key.
    EntryRemoved,
    /// An injection point misbehaved.
    Buggified,
}
