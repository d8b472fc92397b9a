//! A fact: one statement of a program about one of its lifetimes.
//! The harness's invariants judge it.

use core::fmt::Arguments;

/// A statement of the program about one of its lifetimes.
///
/// The numbers (`object`, `borrow`, `call`, `task`, `entry`) are the sink's answers to the facts that began these things; 0
/// if no sink was attached then.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Fact<'a> {
    /// A resource exists and is not ready for use. The answer is its number.
    Declared {
        /// The resource's name.
        name: &'a str,
    },
    /// A resource begins to open. Until `Opened` or `Closed` it is neither open nor closed.
    Opening {
        /// Its name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// A resource was opened. Object 0 means that it was not declared before: the answer is its number.
    Opened {
        /// Its name.
        name: &'a str,
        /// Its number, or 0.
        object: u64,
    },
    /// A resource is used.
    Used {
        /// Its name.
        name: &'a str,
        /// Its number.
        object: u64,
        /// Its user, if the caller named one.
        by: Option<Arguments<'a>>,
    },
    /// A resource is held from now on. The answer is the borrow's number.
    Borrowed {
        /// Its name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// A borrow is over.
    Returned {
        /// The resource's name.
        name: &'a str,
        /// Its number.
        object: u64,
        /// The borrow's number.
        borrow: u64,
    },
    /// A resource was closed.
    Closed {
        /// Its name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// A callback may be called from now on. The answer is the registration's number.
    Registered {
        /// The kind of callback.
        name: &'a str,
        /// The callback among those of its kind.
        id: Arguments<'a>,
    },
    /// A call of a callback begins. The answer is the call's number.
    CallBegan {
        /// The kind of callback.
        name: &'a str,
        /// The registration's number.
        object: u64,
    },
    /// A call of a callback ended.
    CallEnded {
        /// The kind of callback.
        name: &'a str,
        /// The registration's number.
        object: u64,
        /// The call's number.
        call: u64,
    },
    /// No further call may begin; the program waits for those that are running.
    Deregistering {
        /// The kind of callback.
        name: &'a str,
        /// The registration's number.
        object: u64,
    },
    /// The registration is over: no call is running, and none may begin.
    Deregistered {
        /// The kind of callback.
        name: &'a str,
        /// The registration's number.
        object: u64,
    },
    /// There is a new counter of epochs. The answer is its number.
    EpochBegan {
        /// Its name.
        name: &'a str,
    },
    /// A counter advanced to an epoch.
    Advanced {
        /// Its name.
        name: &'a str,
        /// Its number.
        object: u64,
        /// The epoch.
        to: u64,
    },
    /// Work that began under an epoch takes effect.
    Effect {
        /// The counter's name.
        name: &'a str,
        /// Its number.
        object: u64,
        /// The epoch under which the work began.
        of: u64,
        /// The effect's name.
        what: &'a str,
    },
    /// There is a new owner of tasks. The answer is the scope's number.
    ScopeOpened {
        /// Its name.
        name: &'a str,
    },
    /// A task was queued in a scope. The answer is its number.
    TaskQueued {
        /// The task's name.
        name: &'a str,
        /// The scope's number.
        scope: u64,
    },
    /// A task begins to run.
    TaskBegan {
        /// The task's name.
        name: &'a str,
        /// The scope's number.
        scope: u64,
        /// The task's number.
        task: u64,
    },
    /// A task was asked to stop.
    TaskCancelled {
        /// The task's name.
        name: &'a str,
        /// The scope's number.
        scope: u64,
        /// The task's number.
        task: u64,
    },
    /// A task ended.
    TaskEnded {
        /// The task's name.
        name: &'a str,
        /// The scope's number.
        scope: u64,
        /// The task's number.
        task: u64,
    },
    /// The owner states that every task of its scope has ended.
    Joined {
        /// The scope's name.
        name: &'a str,
        /// Its number.
        scope: u64,
    },
    /// The owner of a scope is gone.
    ScopeClosed {
        /// The scope's name.
        name: &'a str,
        /// Its number.
        scope: u64,
    },
    /// There is a limited number of slots. The answer is the counter's number.
    SlotsMade {
        /// Its name.
        name: &'a str,
        /// The number of slots.
        cap: u64,
    },
    /// A slot was taken. The answer is the holder's number.
    SlotTaken {
        /// The counter's name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// A slot was released.
    SlotReturned {
        /// The counter's name.
        name: &'a str,
        /// Its number.
        object: u64,
        /// The holder's number.
        holder: u64,
    },
    /// The program's own counter has a new value.
    SlotsCounted {
        /// The counter's name.
        name: &'a str,
        /// Its number.
        object: u64,
        /// Its value.
        count: i64,
    },
    /// A job begins. The answer is its number.
    ProgressBegan {
        /// The job's name.
        name: &'a str,
        /// The number of items to verify.
        items: u64,
    },
    /// One more item of a job is finished and verified.
    ItemVerified {
        /// The job's name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// The program announces a job's progress.
    ProgressReported {
        /// The job's name.
        name: &'a str,
        /// Its number.
        object: u64,
        /// The progress in percent.
        percent: u64,
    },
    /// The program considers a job complete.
    ProgressDone {
        /// The job's name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// A channel was opened. The answer is its number.
    ChannelOpened {
        /// Its name.
        name: &'a str,
    },
    /// A channel's reader was sent the last message: an error or a plain end.
    ChannelNotified {
        /// Its name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// A channel closed.
    ChannelClosed {
        /// Its name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// An entry was made in a registry under a key. The answer is the entry's number.
    EntryMade {
        /// The registry's name.
        name: &'a str,
        /// The key.
        key: Arguments<'a>,
    },
    /// The entry under a key is removed from a registry.
    EntryRemoved {
        /// The registry's name.
        name: &'a str,
        /// The number of the remover's own entry; 0 if it made none.
        entry: u64,
        /// The key, if the remover made no entry.
        key: Option<Arguments<'a>>,
    },
    /// The process entered a phase, such as "ready" or "draining".
    Phase {
        /// The phase's name.
        name: &'a str,
    },
    /// A claim that must hold every time.
    Always {
        /// The claim, as a sentence.
        claim: &'a str,
        /// `true` if it held this time.
        held: bool,
    },
    /// A claim that must hold at least once in a campaign.
    Sometimes {
        /// The claim, as a sentence.
        claim: &'a str,
        /// `true` if it held this time.
        held: bool,
    },
    /// A line of the program was reached.
    Reached {
        /// The site's name.
        site: &'a str,
    },
    /// A site that may misbehave in a legal way. The answer is 1 if it should.
    Buggify {
        /// The site's name.
        site: &'a str,
        /// The probability of misbehaving, in thousandths, in a run that enables the site.
        per_mille: u64,
    },
}

/// The thing that begins with a fact, and that the sink numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// Nothing begins.
    Nothing,
    /// An object: a resource, registration, epoch counter, scope, set of slots, job, channel or entry.
    Object,
    /// A part of an object: a borrow, call, task or holder.
    Part,
}

impl Fact<'_> {
    /// Returns the kind of thing that the sink's answer to this fact numbers.
    pub fn begins(&self) -> Begins {
        match self {
            Self::Opened { object: 0, .. }
            | Self::Declared { .. }
            | Self::Registered { .. }
            | Self::EpochBegan { .. }
            | Self::ScopeOpened { .. }
            | Self::SlotsMade { .. }
            | Self::ProgressBegan { .. }
            | Self::ChannelOpened { .. }
            | Self::EntryMade { .. } => Begins::Object,
            Self::Borrowed { .. } | Self::CallBegan { .. } | Self::TaskQueued { .. } | Self::SlotTaken { .. } => {
                Begins::Part
            }
            _ => Begins::Nothing,
        }
    }
}
