//! Descriptors: each process's table of numbers, and the open descriptions behind them.
//! It knows that a description is a socket or a file, not what either does.

use crate::event::{NodeId, Seq};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::fs::disk::OpenFile;
use crate::kernel::net::tcp::Parting;
use crate::kernel::net::tcp::TcpSocket;
use crate::kernel::net::udp::UdpSocket;
use crate::kernel::process::fd::poll::{Epoll, Watch};
use crate::kernel::sched::call_site::CallSite;
use crate::kernel::sched::fiber::own_stack;
use crate::kernel::sched::thread::ThreadId;
use crate::kernel::sched::thread::{State, Wait};

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
    Pipe(crate::kernel::net::pipe::End),
    Timer(crate::kernel::process::fd::timerfd::Timer),
    /// A Unix socket that is no connected stream: those are `Pipe`s.
    Unix(crate::kernel::net::unix::UnixSocket),
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

/// Where a number of a process was last opened and, if it was, closed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Slot {
    pub(crate) opened: CallSite,
    pub(crate) closed: Option<CallSite>,
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

impl Kernel {
    /// Gives a description a number in its process: the lowest that is free. A description that gets none, because the
    /// process has as many as it may have, is gone.
    pub(crate) fn install(&mut self, id: DescriptionId) -> Result<i32, Errno> {
        self.install_from(id, 0)
    }

    /// As [`install`](Self::install), but not below this slot.
    pub(crate) fn install_from(&mut self, id: DescriptionId, lowest: usize) -> Result<i32, Errno> {
        let node = self.process.descriptions.get(id).ok_or(libc::EBADF)?.node;
        let node = &mut self.process.nodes[node];
        let slot = node.descriptors.lowest_free(lowest);
        self.install_at(id, slot)
    }

    /// Gives a description this very slot, which is free.
    pub(crate) fn install_at(&mut self, id: DescriptionId, slot: usize) -> Result<i32, Errno> {
        let description = self.process.descriptions.get_mut(id).ok_or(libc::EBADF)?;
        let node = &mut self.process.nodes[description.node];
        if slot >= node.descriptors.slots_max() {
            if description.references == 0 {
                self.let_go(id, Parting::Finish);
            }
            return Err(libc::EMFILE);
        }
        description.references += 1;
        let opened = self.process.call_sites.of(&own_stack());
        Ok(node.descriptors.set(slot, id, opened))
    }

    /// What a process means by a number.
    #[inline]
    pub(crate) fn describe(&self, me: ThreadId, fd: i32) -> Result<DescriptionId, Errno> {
        let node = &self.process[self.sched.threads[me].node];
        node.descriptors.get(fd).ok_or(libc::EBADF)
    }

    /// `close`.
    pub(crate) fn close(&mut self, me: ThreadId, fd: i32) -> Result<(), Errno> {
        let id = self.describe(me, fd)?;
        let node = &mut self.process.nodes[self.sched.threads[me].node];
        node.descriptors.close(fd, self.process.call_sites.of(&own_stack()));
        self.let_go(id, Parting::Finish);
        Ok(())
    }

    pub(crate) fn let_go(&mut self, id: DescriptionId, parting: Parting) {
        let Some(description) = self.process.descriptions.get_mut(id) else { return };
        description.references = description.references.saturating_sub(1);
        if description.references > 0 {
            return;
        }
        self.unwatch(id);
        let Some(description) = self.process.descriptions.remove(id) else { return };
        let node = description.node;
        for waiter in description.waiters {
            if self.sched.threads[waiter].state == State::Waiting(Wait::Ready) {
                self.sched.threads.wake(waiter, Seq::NONE, &self.sched.choices);
            }
        }
        match description.kind {
            Kind::Tcp(socket) => self.tcp_close(node, id, socket, parting),
            Kind::Udp(socket) => self.udp_close(node, id, &socket),
            Kind::File(file) => self.file_close(node, file),
            Kind::Unix(socket) => self.unix_close(node, id, socket),
            Kind::Pipe(end) => {
                self.net.unix.forget(id);
                for told in self.net.pipes.detach(&end) {
                    self.notify(
                        told,
                        crate::kernel::process::fd::poll::IN
                            | crate::kernel::process::fd::poll::OUT
                            | crate::kernel::process::fd::poll::HUP,
                        Seq::NONE,
                    );
                }
            }
            Kind::Event(_) => self.process[node].stops.unwatch(id),
            Kind::Epoll(_) | Kind::Timer(_) | Kind::Inert => {}
        }
    }
}
