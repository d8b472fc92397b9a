//! What a program can say about its lifetimes, one variant for each kind of sentence.
//! It judges nothing: claims are the harness's.

use core::fmt::Arguments;

/// One thing that the program says about one of its lifetimes. Numbers (`object`, `borrow`, `call`, `task`, `entry`) are those
/// that the sink answered with when the thing began; 0 where nobody listened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Fact<'a> {
    /// A resource exists and is not ready for use; the answer is its number.
    Declared {
        /// The resource's name, as the program gave it.
        name: &'a str,
    },
    /// A resource is being opened: until `Opened` or `Closed` it is neither closed nor open.
    Opening {
        /// Its name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// A resource came to life. With object 0 it was never declared, and the answer is its number.
    Opened {
        /// Its name.
        name: &'a str,
        /// Its number, or 0.
        object: u64,
    },
    /// A resource is being used.
    Used {
        /// Its name.
        name: &'a str,
        /// Its number.
        object: u64,
        /// Who uses it, if the caller said so.
        by: Option<Arguments<'a>>,
    },
    /// Somebody holds a resource from here on; the answer is the borrow's number.
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
    /// A resource was torn down.
    Closed {
        /// Its name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// A callback may be called from here on; the answer is the registration's number.
    Registered {
        /// What kind of callback.
        name: &'a str,
        /// Which one of its kind.
        id: Arguments<'a>,
    },
    /// A call of a callback begins; the answer is the call's number.
    CallBegan {
        /// What kind of callback.
        name: &'a str,
        /// The registration's number.
        object: u64,
    },
    /// A call ended.
    CallEnded {
        /// What kind of callback.
        name: &'a str,
        /// The registration's number.
        object: u64,
        /// The call's number.
        call: u64,
    },
    /// No call may begin any more; those that run are waited for.
    Deregistering {
        /// What kind of callback.
        name: &'a str,
        /// The registration's number.
        object: u64,
    },
    /// The registration is over: no call runs, none begins.
    Deregistered {
        /// What kind of callback.
        name: &'a str,
        /// The registration's number.
        object: u64,
    },
    /// Something that advances from epoch to epoch; the answer is its number.
    EpochBegan {
        /// Its name.
        name: &'a str,
    },
    /// It is in this epoch now.
    Advanced {
        /// Its name.
        name: &'a str,
        /// Its number.
        object: u64,
        /// The epoch.
        to: u64,
    },
    /// Work that was begun in an epoch takes effect.
    Effect {
        /// The name of what advances.
        name: &'a str,
        /// Its number.
        object: u64,
        /// The epoch in which the work was begun.
        of: u64,
        /// What takes effect.
        what: &'a str,
    },
    /// An owner of tasks; the answer is its number.
    ScopeOpened {
        /// Its name.
        name: &'a str,
    },
    /// A task belongs to a scope and waits for its turn; the answer is its number.
    TaskQueued {
        /// The task's name.
        name: &'a str,
        /// The scope's number.
        scope: u64,
    },
    /// A task runs.
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
    /// A task is over.
    TaskEnded {
        /// The task's name.
        name: &'a str,
        /// The scope's number.
        scope: u64,
        /// The task's number.
        task: u64,
    },
    /// The owner says that every task of its scope has ended.
    Joined {
        /// The scope's name.
        name: &'a str,
        /// Its number.
        scope: u64,
    },
    /// The owner is gone.
    ScopeClosed {
        /// The scope's name.
        name: &'a str,
        /// Its number.
        scope: u64,
    },
    /// A counter of places that are held; the answer is its number.
    SlotsMade {
        /// Its name.
        name: &'a str,
        /// How many places there are.
        cap: u64,
    },
    /// A place was taken; the answer is the holder's number.
    SlotTaken {
        /// The counter's name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// A place was given back.
    SlotReturned {
        /// The counter's name.
        name: &'a str,
        /// Its number.
        object: u64,
        /// The holder's number.
        holder: u64,
    },
    /// What the program's own counter shows.
    SlotsCounted {
        /// The counter's name.
        name: &'a str,
        /// Its number.
        object: u64,
        /// Its value.
        count: i64,
    },
    /// A job whose progress is told; the answer is its number.
    ProgressBegan {
        /// The job's name.
        name: &'a str,
        /// How many items there are to verify.
        items: u64,
    },
    /// One more item is done and verified.
    ItemVerified {
        /// The job's name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// The program says how far the job is.
    ProgressTold {
        /// The job's name.
        name: &'a str,
        /// Its number.
        object: u64,
        /// In hundredths of the whole.
        percent: u64,
    },
    /// The program takes the job for complete.
    ProgressDone {
        /// The job's name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// A channel that watches something; the answer is its number.
    ChannelOpened {
        /// Its name.
        name: &'a str,
    },
    /// The channel's reader was told that it ends, and why.
    ChannelTold {
        /// Its name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// The channel closed.
    ChannelClosed {
        /// Its name.
        name: &'a str,
        /// Its number.
        object: u64,
    },
    /// Something was entered into a registry under a key; the answer is the entry's number.
    EntryMade {
        /// The registry's name.
        name: &'a str,
        /// The key.
        key: Arguments<'a>,
    },
    /// Whoever made this entry takes what stands under its key out of the registry.
    EntryRemoved {
        /// The registry's name.
        name: &'a str,
        /// The number of the remover's own entry; 0 if it has made none.
        entry: u64,
        /// The key, where the remover has no entry that would tell it.
        key: Option<Arguments<'a>>,
    },
    /// The process entered a phase of its life: "ready", "draining".
    Phase {
        /// The phase's name.
        name: &'a str,
    },
    /// A claim that must hold each time it is passed.
    Always {
        /// The claim, as a sentence.
        claim: &'a str,
        /// Whether it held this time.
        held: bool,
    },
    /// A claim that must hold at least once in a campaign.
    Sometimes {
        /// The claim, as a sentence.
        claim: &'a str,
        /// Whether it held this time.
        held: bool,
    },
    /// A place in the code was reached.
    Reached {
        /// The place's name.
        site: &'a str,
    },
    /// A place that may misbehave in a legal way; the answer is 1 if it is to.
    Buggify {
        /// The place's name.
        site: &'a str,
        /// Of a thousand passes in a run in which the place is on, how many misbehave.
        per_mille: u64,
    },
}

/// Whether a fact begins something that is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// Nothing.
    Nothing,
    /// An object.
    Object,
    /// Something that belongs to an object.
    Part,
}

impl Fact<'_> {
    /// What the sink's answer to this fact numbers.
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
