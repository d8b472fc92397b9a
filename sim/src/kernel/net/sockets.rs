//! Every socket of the simulation at one moment, as `ss` would list them on each machine.
//! It changes nothing.

use crate::event::{NodeId, Socket, SocketStatus, Transport};
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::fd::id::DescriptionId;

fn bare(node: NodeId) -> Socket {
    Socket {
        node,
        incarnation: 0,
        fd: None,
        transport: Transport::Tcp,
        status: SocketStatus::Fresh,
        local: String::new(),
        peer: String::new(),
        unread_bytes: 0,
        unsent_bytes: 0,
        conn: None,
    }
}

impl Kernel {
    /// The line of a description, if it is a socket. It does not name its process.
    pub(crate) fn listed(&self, id: DescriptionId) -> Option<Socket> {
        self.socket_of(id, bare(self.process.description(id)?.node()))
    }

    /// Every socket of every process, by node and number; then the connections that wait to be accepted there.
    pub(crate) fn sockets(&self) -> Vec<Socket> {
        let mut sockets = Vec::new();
        for (id, node) in self.process.nodes() {
            for (fd, description, _) in node.descriptors().iter() {
                if let Some(socket) = self.socket_of(description, bare(id)) {
                    sockets.push(Socket { node: id, incarnation: node.incarnation(), fd: Some(fd), ..socket });
                }
            }
            let unaccepted = self.net.connections.unaccepted(id);
            sockets.extend(unaccepted.map(|socket| Socket { incarnation: node.incarnation(), ..socket }));
        }
        sockets
    }
}
