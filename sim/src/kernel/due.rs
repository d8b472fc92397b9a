//! Due events: what a deadline may stand for, and what a new thread runs.
//! The kernel routes each to the part that it belongs to.

use crate::event::NodeId;
use crate::host::system::Routine;
use crate::kernel::net::arrival::Arrival;
use crate::kernel::net::tcp::EndpointId;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::node::Main;
use crate::kernel::process::state::StartTicket;
use crate::kernel::sched::thread::{ThreadId, Wait};

/// Something that falls due.
pub(crate) enum Due {
    /// A thread's deadline.
    Thread(ThreadId),
    /// A message arrives.
    Arrival(Arrival),
    /// Segments that a partition held up are sent again.
    Retransmit(EndpointId),
    /// A node starts, unless it runs already or another start has replaced this one.
    Start(NodeId, StartTicket),
    /// The budget of a stop request to this incarnation runs out.
    Overrun(NodeId, u16),
    /// The observer asked to be called.
    Alarm(u64),
    /// A keepalive probe is due, after so many unanswered ones.
    Probe(EndpointId, u32),
    /// A timer descriptor fires, if this winding is still in force.
    Timer(DescriptionId, u32),
}

/// The result of one attempt at a call that may block.
pub(crate) enum Blocking<T> {
    /// The call is done.
    Done(T),
    /// The caller waits for this, no longer than until then, and tries again.
    Wait(Wait, u64),
}

/// The function that a new thread runs.
pub(crate) enum Start {
    /// A process's main function, for this incarnation.
    Main(Main, u16),
    /// A start routine, with its argument's address.
    Routine(Routine, usize),
}

/// The process that a thread belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u16,
}
