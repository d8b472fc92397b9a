//! Open descriptions: what the descriptors of all processes refer to.
//! It knows the kinds of description, but performs no operation on them.

use super::epoll_instance::{Epoll, Watch};
use super::id::DescriptionId;
use super::kind::{EventCounter, Kind};
use super::timer::Timer;
use crate::event::NodeId;
use crate::kernel::net::tcp::TcpSocket;
use crate::kernel::net::udp::UdpSocket;
use crate::kernel::net::unix::UnixSocket;
use crate::kernel::sched::call_site::CallSite;
use crate::kernel::sched::thread::ThreadId;

/// An open description. Descriptors that were duplicated share one.
pub(crate) struct Description {
    pub(crate) node: NodeId,
    /// The number of descriptors.
    pub(crate) references: u32,
    pub(crate) nonblocking: bool,
    pub(crate) kind: Kind,
    /// The epoll instances that watch it.
    pub(super) watches: Vec<Watch>,
    /// The threads that wait for its readiness to change.
    pub(super) waiters: Vec<ThreadId>,
}

/// The call sites that opened and closed a number of a process.
#[derive(Clone, Copy, Default)]
pub(crate) struct Slot {
    pub(crate) opened: CallSite,
    pub(crate) closed: Option<CallSite>,
}

/// The signal that a peer gets when a description is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// FIN.
    Finish,
    /// RST.
    Reset,
    /// Silence.
    PowerLoss,
}

/// Every open description of the simulation.
#[derive(Default)]
pub(crate) struct Descriptions {
    all: Vec<Option<Description>>,
    free: Vec<u32>,
}

impl Descriptions {
    /// Opens a description that no descriptor refers to yet.
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

    pub(super) fn remove(&mut self, id: DescriptionId) -> Option<Description> {
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
    pub(crate) fn event(&mut self, id: DescriptionId) -> Option<&mut EventCounter> {
        match &mut self.get_mut(id)?.kind {
            Kind::Event(counter) => Some(counter),
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
    pub(crate) fn timer(&mut self, id: DescriptionId) -> Option<&mut Timer> {
        match &mut self.get_mut(id)?.kind {
            Kind::Timer(timer) => Some(timer),
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

    #[inline]
    pub(crate) fn unix(&mut self, id: DescriptionId) -> Option<&mut UnixSocket> {
        match &mut self.get_mut(id)?.kind {
            Kind::Unix(socket) => Some(socket),
            _ => None,
        }
    }
}
