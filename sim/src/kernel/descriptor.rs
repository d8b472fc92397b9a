//! Descriptors: each process's table of numbers, and the open descriptions behind them.
//! It knows that a description is a socket or a file, not what either does.

use super::disk::OpenFile;
use super::poll::{Epoll, Watch};
use super::tcp::TcpSocket;
use super::thread::ThreadId;
use super::udp::UdpSocket;
use crate::event::NodeId;

/// The first virtual descriptor number. What is below was opened outside the run, and is none of its business.
pub(crate) const FIRST: i32 = 1 << 20;

/// An open description, as an index into all that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DescriptionId(pub(crate) u32);

/// What a description is.
pub(crate) enum Kind {
    Epoll(Epoll),
    Event(Event),
    Tcp(TcpSocket),
    Udp(UdpSocket),
    File(OpenFile),
    Pipe(super::pipe::End),
    /// A copy of something from outside the run: nothing ever comes out of it.
    Inert,
}

/// An eventfd.
pub(crate) struct Event {
    pub(crate) counter: u64,
    pub(crate) semaphore: bool,
}

/// What one or more descriptors of a process refer to.
pub(crate) struct Description {
    pub(crate) node: NodeId,
    pub(crate) references: u32,
    pub(crate) nonblocking: bool,
    pub(crate) kind: Kind,
    pub(crate) watches: Vec<Watch>,
    /// Threads that wait for a change of this description, with the number of their wait.
    pub(crate) waiters: Vec<ThreadId>,
}

/// Every open description of the room.
#[derive(Default)]
pub(crate) struct Descriptions {
    all: Vec<Option<Description>>,
    free: Vec<u32>,
}

impl Descriptions {
    pub(crate) fn add(&mut self, node: NodeId, nonblocking: bool, kind: Kind) -> DescriptionId {
        let description =
            Description { node, references: 0, nonblocking, kind, watches: Vec::new(), waiters: Vec::new() };
        match self.free.pop() {
            Some(index) => {
                self.all[index as usize] = Some(description);
                DescriptionId(index)
            }
            None => {
                self.all.push(Some(description));
                DescriptionId(self.all.len() as u32 - 1)
            }
        }
    }

    pub(crate) fn remove(&mut self, id: DescriptionId) -> Option<Description> {
        let description = self.all[id.0 as usize].take()?;
        self.free.push(id.0);
        Some(description)
    }

    #[inline]
    pub(crate) fn get(&self, id: DescriptionId) -> Option<&Description> {
        self.all.get(id.0 as usize)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: DescriptionId) -> Option<&mut Description> {
        self.all.get_mut(id.0 as usize)?.as_mut()
    }

    #[inline]
    pub(crate) fn epoll(&mut self, id: DescriptionId) -> Option<&mut Epoll> {
        match &mut self.get_mut(id)?.kind {
            Kind::Epoll(epoll) => Some(epoll),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn tcp(&mut self, id: DescriptionId) -> Option<&mut TcpSocket> {
        match &mut self.get_mut(id)?.kind {
            Kind::Tcp(socket) => Some(socket),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn udp(&mut self, id: DescriptionId) -> Option<&mut UdpSocket> {
        match &mut self.get_mut(id)?.kind {
            Kind::Udp(socket) => Some(socket),
            _ => None,
        }
    }
}
