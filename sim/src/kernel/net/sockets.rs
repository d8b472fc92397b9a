//! Every socket of the room at one moment, as `netstat` would list them on each machine.
//! It only looks.

use crate::event::{Socket, SocketStatus, Transport};
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::fd::description::{Description, DescriptionId, Kind};

/// A name of a Unix socket as it is shown: an abstract one with `@` for its nul byte.
fn shown(name: &[u8]) -> String {
    match name {
        [0, rest @ ..] => format!("@{}", String::from_utf8_lossy(rest)),
        path => String::from_utf8_lossy(path).into_owned(),
    }
}

impl Kernel {
    /// Every socket of every process, by node and number; then ends of connections that nobody has taken yet.
    pub(crate) fn sockets(&self) -> Vec<Socket> {
        let mut sockets = Vec::new();
        for (id, node) in self.process.nodes.iter() {
            for (fd, description, _) in node.descriptors.iter() {
                let Some(it) = self.process.descriptions.get(description) else { continue };
                if let Some(socket) = self.socket(description, it) {
                    sockets.push(Socket { node: id, incarnation: node.incarnation(), fd: Some(fd), ..socket });
                }
            }
            sockets.extend(self.net.untaken(id).map(|socket| Socket { incarnation: node.incarnation(), ..socket }));
        }
        sockets
    }

    fn socket(&self, id: DescriptionId, description: &Description) -> Option<Socket> {
        let bare = |transport, status| Socket {
            node: description.node,
            incarnation: 0,
            fd: None,
            transport,
            status,
            local: String::new(),
            peer: String::new(),
            unread_bytes: 0,
            unsent_bytes: 0,
            conn: None,
        };
        Some(match &description.kind {
            Kind::Tcp(socket) => {
                let local = socket.local.map(|it| it.to_string()).unwrap_or_default();
                Socket { local, ..self.net.shown(bare(Transport::Tcp, SocketStatus::Fresh), &socket.state) }
            }
            Kind::Udp(socket) => {
                let status = match (socket.local, socket.peer) {
                    (_, Some(_)) => SocketStatus::Established,
                    (Some(_), None) => SocketStatus::Bound,
                    (None, None) => SocketStatus::Fresh,
                };
                Socket {
                    local: socket.local.map(|it| it.to_string()).unwrap_or_default(),
                    peer: socket.peer.map(|it| it.to_string()).unwrap_or_default(),
                    unread_bytes: socket.unread_bytes(),
                    ..bare(Transport::Udp, status)
                }
            }
            Kind::Unix(socket) => {
                let status = match socket.backlog {
                    Some(_) => SocketStatus::Listening,
                    None if socket.connected => SocketStatus::Established,
                    None if socket.name.is_empty() => SocketStatus::Fresh,
                    None => SocketStatus::Bound,
                };
                let face = self.net.unix.face(id);
                Socket {
                    local: shown(&face.own),
                    peer: shown(&face.peer),
                    unread_bytes: socket.unread_bytes(),
                    ..bare(Transport::Unix, status)
                }
            }
            Kind::Pipe(end) if end.reads.is_some() && end.writes.is_some() => {
                let face = self.net.unix.face(id);
                Socket {
                    local: shown(&face.own),
                    peer: shown(&face.peer),
                    unread_bytes: self.net.pipes.unread_bytes(end),
                    ..bare(Transport::Unix, SocketStatus::Established)
                }
            }
            _ => return None,
        })
    }
}
