//! Opening Unix streams: listen, connect, accept.
//! From then on, both ends are channels of `pipe`.

use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::net::unix::backlog_of;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::process::fd::readiness::{IN, OUT};
use crate::kernel::sched::thread::ThreadId;

impl Kernel {
    /// `listen`.
    pub(crate) fn unix_listen(&mut self, id: DescriptionId, backlog: i32) -> Result<(), Errno> {
        let socket = self.unix_socket(id)?;
        if socket.has_datagrams() {
            return Err(libc::EOPNOTSUPP);
        }
        if socket.address.is_none() {
            return Err(libc::EINVAL);
        }
        socket.backlog = Some(backlog_of(backlog));
        Ok(())
    }

    /// `connect`. Fails with `EAGAIN` while the listener's queue is full. The description beside the error is the one whose
    /// change the caller waits for.
    pub(crate) fn unix_connect(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        name: Option<&[u8]>,
    ) -> Result<(), (Errno, DescriptionId)> {
        let error = |errno| (errno, id);
        if matches!(self.process.description(id).map(|description| description.kind()), Some(Kind::Pipe(_))) {
            return Err(error(libc::EISCONN));
        }
        let datagrams = self.unix_socket(id).map_err(error)?.has_datagrams();
        let Some(name) = name else {
            let socket = self.unix_socket(id).map_err(error)?;
            (socket.peer, socket.connected) = (None, false);
            return if datagrams { Ok(()) } else { Err(error(libc::EINVAL)) };
        };
        let to = self.unix_find(me, name).map_err(error)?;
        let other = self.unix_socket(to).map_err(error)?;
        if other.has_datagrams() != datagrams {
            return Err(error(libc::EPROTOTYPE));
        }
        if datagrams {
            let socket = self.unix_socket(id).map_err(error)?;
            (socket.peer, socket.connected) = (Some(to), true);
            self.net.unix.attributes_mut(id).peer = name.to_vec();
            return Ok(());
        }
        let Some(backlog) = other.backlog else { return Err(error(libc::ECONNREFUSED)) };
        if other.queue.len() > backlog {
            return Err((libc::EAGAIN, to));
        }
        if self.unix_socket(id).map_err(error)?.is_listening() {
            return Err(error(libc::EINVAL));
        }
        let (client, server) = self.net.pipes.pair();
        if let Some(description) = self.process.description_mut(id) {
            description.set_kind(Kind::Pipe(client));
        }
        self.attach_channel_end(id);
        let accepted = self.add_channel_end(self.sched[me].node(), false, server);
        let own = self.net.unix.attributes(id).own;
        self.net.unix.attributes_mut(id).peer = name.to_vec();
        let attributes = self.net.unix.attributes_mut(accepted);
        (attributes.own, attributes.peer) = (name.to_vec(), own);
        self.unix_socket(to).map_err(error)?.queue.push_back(accepted);
        let cause = self.sched[me].cause();
        self.notify(to, IN, cause);
        self.notify(id, OUT, cause);
        Ok(())
    }

    /// `accept`. Fails with `EAGAIN` while no connection waits.
    pub(crate) fn unix_accept(&mut self, me: ThreadId, id: DescriptionId) -> Result<DescriptionId, Errno> {
        let socket = self.unix_socket(id)?;
        if socket.has_datagrams() {
            return Err(libc::EOPNOTSUPP);
        }
        if !socket.is_listening() {
            return Err(libc::EINVAL);
        }
        let accepted = socket.queue.pop_front().ok_or(libc::EAGAIN)?;
        let cause = self.sched[me].cause();
        self.notify(id, 0, cause);
        Ok(accepted)
    }
}
