//! What happened, in order: the one type that everything downstream reads.
//! It knows neither who caused a fault nor what a claim is; it only states facts.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A node: one virtual machine with one process on it. Numbered in the order in which the scenario made them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u16);

impl NodeId {
    /// The room itself: faults, heals and the end of a run happen here.
    pub const WORLD: Self = Self(u16::MAX);
}

/// Text that was met in the run (a name, a path, a source line), as an index into the names of its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Name(pub u32);

impl Name {
    /// No text.
    pub const NONE: Self = Self(0);

    /// The text whose index a probe event has as its number.
    pub fn from_number(number: u64) -> Self {
        u32::try_from(number).map_or(Self::NONE, Self)
    }
}

/// The place of an event in its run, from 0. `Seq::NONE` means that nothing in the run led here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seq(pub u64);

impl Seq {
    /// Nothing led here.
    pub const NONE: Self = Self(u64::MAX);
}

/// How a process ended.
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
    /// A signal that it had no handler for ended it.
    Signal {
        /// The signal's number.
        signal: i32,
    },
}

/// A signal's name, `SIGTERM`; `signal 34` for one without. The numbers are those of Linux on x86-64 and aarch64: see
/// signal(7).
pub fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        17 => "SIGCHLD",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

/// What a process left behind that it should have ended or closed.
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

/// A step in a lifetime that only the program itself can tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum ProbeEvent {
    /// A resource exists and is not ready.
    Declared,
    /// A resource is being opened.
    Opening,
    /// A resource is held; the number is the borrow's.
    Borrowed,
    /// A borrow, by its number, is over.
    Returned,
    /// A callback was registered; the number is the text of its id.
    Registered,
    /// A call of a callback begins; the number is the call's.
    CallBegan,
    /// A call, by its number, ended.
    CallEnded,
    /// No call may begin any more; those that run are waited for.
    Deregistering,
    /// The registration is over.
    Deregistered,
    /// Something with epochs is there.
    EpochBegan,
    /// It is in the epoch of this number.
    Advanced,
    /// Work of the epoch of this number takes effect; the name is the effect's.
    Effect,
    /// An owner of tasks is there.
    ScopeOpened,
    /// A task, with this number, waits for its turn; the object is its scope.
    TaskQueued,
    /// It runs.
    TaskBegan,
    /// It was asked to stop.
    TaskCancelled,
    /// It is over.
    TaskEnded,
    /// The owner says that all its tasks have ended.
    Joined,
    /// The owner is gone.
    ScopeClosed,
    /// There are so many places.
    SlotsMade,
    /// A place was taken; the number is the holder's.
    SlotTaken,
    /// The holder of this number gave its place back.
    SlotReturned,
    /// The program's own counter shows this number, signed.
    SlotsCounted,
    /// A job of so many items begins.
    ProgressBegan,
    /// One more item was verified.
    ItemVerified,
    /// The program says that so many hundredths are done.
    #[serde(rename = "ProgressTold")]
    ProgressReported,
    /// The program takes the job for complete.
    ProgressDone,
    /// A channel that watches something is open.
    ChannelOpened,
    /// Its reader was told that it ends.
    #[serde(rename = "ChannelTold")]
    ChannelNotified,
    /// It closed.
    ChannelClosed,
    /// An entry was made; the number is the text of its key.
    EntryMade,
    /// Whoever made this entry removes what stands under its key.
    EntryRemoved,
    /// A place that may misbehave did.
    Buggified,
}

/// One fact. Time in nanoseconds since the run's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the run.
    pub seq: Seq,
    /// Virtual nanoseconds since the run began.
    pub time_ns: u64,
    /// Where it happened.
    pub node: NodeId,
    /// Which life of that node, from 1; 0 before its first.
    pub incarnation: u16,
    /// Which thread of that life, from 0 (its main thread).
    pub thread: u32,
    /// Which asynchronous task of that life, from 1 in the order in which they were first polled; 0 if none, or if it is the main
    /// future. Where tasks are not followed, tokio's own number in what probes say, and 0 elsewhere.
    pub task: u64,
    /// The event that led here: what woke the task or thread, if that is the first since then, and else what the same task or
    /// thread did before.
    pub cause: Seq,
    /// What happened.
    pub what: What,
}

/// A recorded run keeps millions of events: each fills one cache line.
const _: () = assert!(size_of::<Event>() == 64);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// A process began.
    Started,
    /// A graceful stop was requested; the process has `budget_ns` to end.
    StopRequested {
        /// Nanoseconds until SIGKILL.
        budget_ns: u64,
    },
    /// A stop was requested once more, of a process that had not done the first one yet.
    StopRepeated,
    /// A process ended.
    Exited {
        /// How it ended.
        how: Death,
    },
    /// A thread of a process began, under this number.
    ThreadStarted {
        /// The new thread's number in its process.
        thread: u32,
    },
    /// A thread of a process ended.
    ThreadEnded,
    /// A thread panicked (whether or not somebody caught it).
    Panicked {
        /// The panic's message.
        message: Name,
        /// Source file and line.
        site: Name,
    },
    /// A TCP port is being listened on.
    Listening {
        /// The port.
        port: u16,
    },
    /// A connection was asked for.
    Connecting {
        /// Whom it goes to.
        to: NodeId,
        /// Which port there.
        port: u16,
        /// The connection's number in the run.
        conn: u32,
    },
    /// The connection stands, as its opener sees it.
    Connected {
        /// The connection's number in the run.
        conn: u32,
    },
    /// The connection was taken by its listener.
    Accepted {
        /// The connection's number in the run.
        conn: u32,
    },
    /// Nobody listened there.
    Refused {
        /// The connection's number in the run.
        conn: u32,
    },
    /// Bytes were handed to the network.
    Sent {
        /// The connection's number in the run; `u32::MAX` for a datagram.
        conn: u32,
        /// How many bytes.
        bytes: u32,
    },
    /// Bytes arrived in the receiver's buffer.
    Delivered {
        /// The connection's number in the run; `u32::MAX` for a datagram.
        conn: u32,
        /// How many bytes.
        bytes: u32,
    },
    /// The peer said that it sends no more.
    Finished {
        /// The connection's number in the run.
        conn: u32,
    },
    /// The connection was reset by its peer.
    Reset {
        /// The connection's number in the run.
        conn: u32,
    },
    /// The connection gave up waiting for its peer.
    TimedOut {
        /// The connection's number in the run.
        conn: u32,
    },
    /// A file was opened.
    FileOpened {
        /// Its path.
        path: Name,
    },
    /// A file's data reached durable media.
    FileSynced {
        /// Its path.
        path: Name,
        /// How long the device took, in nanoseconds.
        took_ns: u64,
    },
    /// A directory entry changed: created, removed, renamed.
    EntryChanged {
        /// The path that changed.
        path: Name,
    },
    /// A closed or never opened descriptor was used.
    BadDescriptor {
        /// Its number.
        fd: i32,
        /// The interposed function that was called with it.
        #[serde(rename = "door")]
        function: Name,
    },
    /// A thread's wait ended because its time had come.
    TimerFired,
    /// A probe told of a resource that came to life.
    ResourceOpened {
        /// Its name.
        name: Name,
        /// Its number in the run.
        object: u32,
        /// Which one of that name on that node, from 1, over all incarnations.
        generation: u32,
        /// Source line of the probe.
        site: Name,
    },
    /// A probe told of a use.
    ResourceUsed {
        /// Its name.
        name: Name,
        /// Its number in the run.
        object: u32,
        /// Who used it, if said.
        by: Name,
        /// Source line of the probe.
        site: Name,
    },
    /// A probe told of a teardown.
    ResourceClosed {
        /// Its name.
        name: Name,
        /// Its number in the run.
        object: u32,
        /// Source line of the probe.
        site: Name,
    },
    /// A process said that it entered a phase.
    Phase {
        /// The phase.
        name: Name,
        /// Source line of the probe.
        site: Name,
    },
    /// A claim of the code's own was passed.
    Claim {
        /// The claim.
        claim: Name,
        /// Whether it must hold always (or at least once).
        always: bool,
        /// Whether it held.
        held: bool,
        /// Source line of the probe.
        site: Name,
    },
    /// A place in the code was reached.
    Reached {
        /// The place's name.
        name: Name,
        /// Source line of the probe.
        site: Name,
    },
    /// A scenario noted something in one of its ledgers.
    Noted {
        /// The ledger.
        ledger: Name,
        /// What was noted.
        entry: Name,
    },
    /// A fault was injected.
    Fault {
        /// What was done, in words: "stop master-0, budget 30 s".
        what: Name,
        /// Which injection of the plan.
        injection: u32,
    },
    /// A fault ended, or everything was healed.
    Healed {
        /// What was healed, in words.
        what: Name,
    },
    /// A line of a node's own output.
    Line {
        /// The text, without its line end.
        text: Name,
    },
    /// A probe told of a step in another kind of lifetime.
    #[serde(rename = "Told")]
    Probe {
        /// Which step.
        step: ProbeEvent,
        /// The name that the program gave.
        name: Name,
        /// The object's number in the run.
        object: u32,
        /// The step's number: see its description; 0 if it has none. A signed one as its two's complement.
        number: u64,
        /// Source line of the probe.
        site: Name,
    },
    /// Nothing can run and no deadline is left.
    Quiescent,
    /// Every thread of a process stands still from here on, as after SIGSTOP.
    Paused,
    /// The threads go on.
    Resumed,
    /// A signal reached a process that handles it.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// What a process with a memory budget had allocated when it ended.
    MemoryUsed {
        /// Bytes at its end.
        live: u64,
        /// The most bytes at any time of its life.
        peak: u64,
    },
    /// One allocation larger than the bound for a single one was asked for.
    Allocated {
        /// How many bytes.
        bytes: u64,
    },
    /// A path longer than the system takes was handed to a door.
    LongPath {
        /// How many bytes it has.
        bytes: u32,
    },
    /// A process ended and left this behind.
    #[serde(rename = "Left")]
    Leaked {
        /// What it was.
        kind: Leak,
        /// Where it was made: a place of the run, see the record's places.
        place: u32,
    },
    /// A process went round without progress: doors that moved nothing, within one virtual second.
    Spun {
        /// How many.
        #[serde(rename = "doors")]
        calls: u64,
    },
    /// A message was lost on its way.
    Dropped {
        /// Whom it was for.
        to: NodeId,
        /// How many bytes.
        bytes: u32,
    },
    /// A message reached a process that was meant for, or sent by, an earlier incarnation.
    Stale {
        /// Whose incarnation it was.
        of: NodeId,
        /// Which one.
        incarnation: u16,
        /// The connection's number in the run; `u32::MAX` for a datagram.
        conn: u32,
    },
    /// A disk operation failed because its device did.
    DiskFailed {
        /// The file's path.
        path: Name,
        /// The error number that the process saw.
        errno: i32,
    },
}

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A TCP connection or listener.
    Tcp,
    /// A socket for UDP datagrams.
    Udp,
    /// A Unix socket, or an end of a pipe.
    Unix,
}

/// Where a socket is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketStatus {
    /// Neither bound nor connected.
    Fresh,
    /// Bound to an address.
    Bound,
    /// It takes connections.
    Listening,
    /// It waits for the other end's answer.
    Connecting,
    /// Both ends stand.
    Established,
    /// This end has said that it sends no more.
    FinWait,
    /// The other end has said that it sends no more, and this one has not.
    CloseWait,
    /// Both have said so.
    Closing,
    /// It was reset, refused or given up.
    Broken,
    /// This end stands, and the other end's process is gone without this one's knowledge.
    HalfOpen,
}

/// One socket of one process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// Whose it is.
    pub node: NodeId,
    /// In which life; 0 if that process is over and its end of a connection stands unclosed.
    pub incarnation: u16,
    /// Its number in its process; `None` if it has none, because nobody took it from its listener's queue yet.
    pub fd: Option<i32>,
    /// What it speaks.
    pub transport: Transport,
    /// Where it is in its life.
    pub status: SocketStatus,
    /// Its own address or name; empty if it has none.
    pub local: String,
    /// The other end's; empty if it has none.
    pub peer: String,
    /// Bytes that arrived and were not read.
    pub unread_bytes: u64,
    /// Bytes that were sent and that the other end has not read.
    pub unsent_bytes: u64,
    /// The connection's number in the run.
    pub conn: Option<u32>,
}

/// A run in one number: equal digests mean equal events, in the same order, at the same times.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Digest(pub u64, pub u64);

impl Digest {
    /// The digest of two things, one after the other.
    #[must_use]
    pub fn followed_by(self, next: Self) -> Self {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let fold = |sum: u64, next: u64| (sum.rotate_left(23) ^ next).wrapping_mul(ODD);
        Self(fold(self.0, next.0), fold(self.1, next.1))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0, self.1)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
