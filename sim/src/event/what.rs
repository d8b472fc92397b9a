//! The event: one fact of a run, with its time, node and cause.
//! It judges nothing and knows no scenario.

use crate::event::death::Death;
use crate::event::id::{Name, NodeId, Seq};
use crate::event::leak::Leak;
use crate::event::probe_event::ProbeEvent;
use crate::event::waiting::Waiting;
use serde::{Deserialize, Serialize};

/// One fact of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The event's number in the run.
    pub seq: Seq,
    /// Virtual nanoseconds since the run began.
    pub time_ns: u64,
    /// The node that it happened on.
    pub node: NodeId,
    /// The node's incarnation, from 1; 0 before the first.
    pub incarnation: u16,
    /// The thread's number in its process; 0 is the main thread.
    pub thread: u32,
    /// The asynchronous task's number in its process, from 1 in the order of first polls; 0 for none, and for the main future.
    /// If tasks are not followed: tokio's own number in probe events, and 0 elsewhere.
    pub task: u64,
    /// The event that led to this one: the event that woke the task or thread, if this is its first since then, or else its
    /// previous event.
    pub cause: Seq,
    /// The fact itself.
    pub what: What,
}

// A recorded run has millions of events: each fills one cache line.
const _: () = assert!(size_of::<Event>() == 64);

/// The content of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// A process began.
    Started,
    /// A graceful stop was requested; the process has `budget_ns` to end.
    StopRequested {
        /// Nanoseconds until SIGKILL.
        budget_ns: u64,
    },
    /// A further stop was requested of a process that has not followed the first request yet.
    StopRepeated,
    /// A process ended.
    Exited {
        /// The kind of end.
        how: Death,
    },
    /// A thread of a process began.
    ThreadStarted {
        /// The new thread's number in its process.
        thread: u32,
    },
    /// A thread of a process ended.
    ThreadEnded,
    /// A thread panicked, whether or not the panic was caught.
    Panicked {
        /// The panic's message.
        message: Name,
        /// Source file and line.
        site: Name,
    },
    /// A process listens on a TCP port.
    Listening {
        /// The port.
        port: u16,
    },
    /// A connection attempt began.
    Connecting {
        /// The destination.
        to: NodeId,
        /// The destination's port.
        port: u16,
        /// The connection's number in the run.
        conn: u32,
    },
    /// The connection is established, as its opener sees it.
    Connected {
        /// The connection's number in the run.
        conn: u32,
    },
    /// The listener accepted the connection.
    Accepted {
        /// The connection's number in the run.
        conn: u32,
    },
    /// The connection was refused: nobody listened there.
    Refused {
        /// The connection's number in the run.
        conn: u32,
    },
    /// Bytes were handed to the network.
    Sent {
        /// The connection's number in the run; `u32::MAX` for a datagram.
        conn: u32,
        /// The number of bytes.
        bytes: u32,
    },
    /// Bytes arrived in the receiver's buffer.
    Delivered {
        /// The connection's number in the run; `u32::MAX` for a datagram.
        conn: u32,
        /// The number of bytes.
        bytes: u32,
    },
    /// The peer closed its direction (FIN).
    Finished {
        /// The connection's number in the run.
        conn: u32,
    },
    /// The connection was reset by its peer.
    Reset {
        /// The connection's number in the run.
        conn: u32,
    },
    /// The connection timed out waiting for its peer.
    TimedOut {
        /// The connection's number in the run.
        conn: u32,
    },
    /// A file was opened.
    FileOpened {
        /// The file's path.
        path: Name,
    },
    /// A process changed a file's content, in one call or in several in a row. The change is not durable yet.
    FileWritten {
        /// The file's path.
        path: Name,
    },
    /// A file's data reached durable media.
    FileSynced {
        /// The file's path.
        path: Name,
        /// The time that the device took, in nanoseconds.
        took_ns: u64,
    },
    /// A directory entry changed: created, removed, renamed.
    EntryChanged {
        /// The path that changed.
        path: Name,
    },
    /// A closed or never opened descriptor was used.
    BadDescriptor {
        /// The descriptor.
        fd: i32,
        /// The interposed function that was called with it.
        function: Name,
    },
    /// A thread's wait timed out, or a timer descriptor fired.
    TimerFired,
    /// A probe reported a resource that was opened.
    ResourceOpened {
        /// The resource's name.
        name: Name,
        /// The resource's number in the run.
        object: u32,
        /// The number of the resource among those of its name on the node, from 1, over all incarnations.
        generation: u32,
        /// Source line of the probe.
        site: Name,
    },
    /// A probe reported a use of a resource.
    ResourceUsed {
        /// The resource's name.
        name: Name,
        /// The resource's number in the run.
        object: u32,
        /// The user, if known.
        by: Name,
        /// Source line of the probe.
        site: Name,
    },
    /// A probe reported the teardown of a resource.
    ResourceClosed {
        /// The resource's name.
        name: Name,
        /// The resource's number in the run.
        object: u32,
        /// Source line of the probe.
        site: Name,
    },
    /// A process entered a phase.
    Phase {
        /// The phase.
        name: Name,
        /// Source line of the probe.
        site: Name,
    },
    /// An assertion of the program was evaluated.
    Claim {
        /// The assertion.
        claim: Name,
        /// `true` if it must always hold, `false` if at least once.
        always: bool,
        /// `true` if it held.
        held: bool,
        /// Source line of the probe.
        site: Name,
    },
    /// A probe in the code was reached.
    Reached {
        /// The probe's name.
        name: Name,
        /// Source line of the probe.
        site: Name,
    },
    /// A scenario noted an entry in one of its ledgers.
    Noted {
        /// The ledger.
        ledger: Name,
        /// The entry.
        entry: Name,
        /// Source line of the note. Records of earlier versions have none.
        #[serde(default)]
        site: Name,
    },
    /// A scenario declared one of its ledgers complete.
    Completed {
        /// The ledger.
        ledger: Name,
        /// The number of different entries.
        entries: u32,
        /// Source line of the declaration.
        site: Name,
    },
    /// A fault struck this node.
    Fault {
        /// The stable name of its kind: `slow-disk`.
        kind: Name,
        /// The number of the injection in its plan; `u32::MAX` if no plan has it.
        injection: u32,
        /// The target that the strike chose, such as a path or a thread's description; none if it had nothing to choose.
        detail: Name,
    },
    /// A fault ended, or everything was healed.
    Healed {
        /// The stable name of its kind; `everything` at the end of the faults.
        kind: Name,
        /// The number of the injection in its plan; `u32::MAX` for everything.
        injection: u32,
    },
    /// A line of a node's own output.
    Line {
        /// The text, without its line end.
        text: Name,
    },
    /// A probe reported a step in another kind of lifetime.
    Probe {
        /// The step.
        step: ProbeEvent,
        /// The name that the program gave.
        name: Name,
        /// The object's number in the run.
        object: u32,
        /// The step's number, as its description says; 0 if it has none. A negative one is in two's complement.
        number: u64,
        /// Source line of the probe.
        site: Name,
    },
    /// Nothing can run and no deadline is pending.
    Quiescent,
    /// A process was paused, as by SIGSTOP.
    Paused,
    /// A process was resumed, as by SIGCONT.
    Resumed,
    /// A process handles a signal.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// The allocations of a process with a memory budget, at its end.
    MemoryUsed {
        /// Allocated bytes at its end.
        live: u64,
        /// The most allocated bytes at any time.
        peak: u64,
    },
    /// A single allocation exceeded its bound.
    Allocated {
        /// The number of bytes.
        bytes: u64,
    },
    /// A call passed a path that is longer than the system allows.
    LongPath {
        /// The path's length in bytes.
        bytes: u32,
    },
    /// A process leaked something at its end.
    Leaked {
        /// The kind of leak.
        kind: Leak,
        /// The call site at which it was made.
        call_site: u32,
    },
    /// A process spun: calls without any effect, within one virtual second.
    Spun {
        /// The number of such calls.
        calls: u64,
    },
    /// A message was lost in transit.
    Dropped {
        /// The destination.
        to: NodeId,
        /// The number of bytes.
        bytes: u32,
    },
    /// A message arrived that an earlier incarnation sent or was to receive.
    Stale {
        /// The node of that incarnation.
        of: NodeId,
        /// The incarnation.
        incarnation: u16,
        /// The connection's number in the run; `u32::MAX` for a datagram.
        conn: u32,
    },
    /// A power loss reverted bytes of a file that no sync had covered.
    DataLost {
        /// The file's path.
        path: Name,
        /// The number of bytes.
        bytes: u64,
    },
    /// A power loss took a file's name, because no sync of its directory had covered it.
    FileLost {
        /// The file's path.
        path: Name,
    },
    /// A disk operation failed because its device did.
    DiskFailed {
        /// The file's path.
        path: Name,
        /// The error number that the process got.
        errno: i32,
    },
    /// In a snapshot of a process that does not come to its end: the event's task or thread waits.
    Waits {
        /// The kind of wait.
        on: Waiting,
        /// The thread that is joined, the connection of a socket, or else the milliseconds until the wait times out; `u32::MAX` if
        /// there is none.
        object: u32,
        /// The thread's name; none for tasks.
        name: Name,
        /// The call site: of a thread, the call in which it waits; of a task, the code that registered its waker last, which is known
        /// in recorded runs.
        call_site: u32,
        /// The virtual time since which it waits, in nanoseconds; of a task, the end of its last poll.
        since_ns: u64,
    },
    /// In the same snapshot: a TCP connection of the process is open. The event's thread and task used it last.
    StillOpen {
        /// The connection's number in the run.
        conn: u32,
        /// Bytes that arrived and were not read.
        unread_bytes: u32,
        /// Bytes that were sent and that the peer has not read.
        unsent_bytes: u32,
        /// The virtual time of the last read or write, in nanoseconds; 0 if there was none.
        used_ns: u64,
    },
}
