//! Ports: the sockets that are bound to each node's ports.

use crate::event::NodeId;
use crate::kernel::net::address::Scope;
use crate::kernel::process::fd::id::DescriptionId;
use std::collections::BTreeMap;

/// The size of IANA's range of ephemeral ports, less one.
const EPHEMERAL_PORTS: u16 = u16::MAX - 49_152;

/// The transport that a port belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// Every bound port.
#[derive(Default)]
pub(crate) struct Ports {
    bindings: BTreeMap<(NodeId, u16, Transport, Scope), DescriptionId>,
}

impl Ports {
    /// Binds a port. Fails with `EADDRINUSE` if another socket has it.
    pub(crate) fn bind(
        &mut self,
        node: NodeId,
        port: u16,
        transport: Transport,
        scope: Scope,
        id: DescriptionId,
    ) -> Result<(), i32> {
        let taken = |scope| self.bindings.contains_key(&(node, port, transport, scope));
        let conflict = match scope {
            Scope::Any => taken(Scope::Any) || taken(Scope::Loopback) || taken(Scope::Outside),
            _ => taken(Scope::Any) || taken(scope),
        };
        if conflict {
            return Err(libc::EADDRINUSE);
        }
        self.bindings.insert((node, port, transport, scope), id);
        Ok(())
    }

    /// Unbinds a port, if this description holds it.
    pub(crate) fn unbind(&mut self, node: NodeId, port: u16, transport: Transport, id: DescriptionId) {
        for scope in [Scope::Any, Scope::Loopback, Scope::Outside] {
            let key = (node, port, transport, scope);
            if self.bindings.get(&key) == Some(&id) {
                self.bindings.remove(&key);
            }
        }
    }

    /// The socket that is bound to an address.
    pub(crate) fn bound(&self, node: NodeId, port: u16, transport: Transport, scope: Scope) -> Option<DescriptionId> {
        let at = |scope| self.bindings.get(&(node, port, transport, scope)).copied();
        at(scope).or_else(|| at(Scope::Any))
    }

    /// A free ephemeral port of a node; `next` yields the next candidate.
    pub(crate) fn ephemeral(
        &self,
        mut next: impl FnMut() -> u16,
        node: NodeId,
        transport: Transport,
    ) -> Result<u16, i32> {
        for _ in 0..EPHEMERAL_PORTS {
            let port = next();
            let is_free = |scope| self.bound(node, port, transport, scope).is_none();
            if is_free(Scope::Any) && is_free(Scope::Outside) && is_free(Scope::Loopback) {
                return Ok(port);
            }
        }
        Err(libc::EADDRNOTAVAIL)
    }
}
