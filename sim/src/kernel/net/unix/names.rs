//! The names that Unix sockets are bound to, and the attributes of each socket.

use super::socket::Address;
use crate::event::NodeId;
use crate::kernel::process::fd::id::DescriptionId;
use std::collections::BTreeMap;

/// The attributes that a socket keeps when it becomes a connected stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes {
    /// Its own name.
    pub(crate) own: Vec<u8>,
    /// The peer's name.
    pub(crate) peer: Vec<u8>,
    pub(crate) receive_timeout_ns: Option<u64>,
    pub(crate) send_timeout_ns: Option<u64>,
}

/// Every name and every socket's attributes.
#[derive(Default)]
pub(crate) struct UnixNames {
    bound: BTreeMap<(NodeId, Address), DescriptionId>,
    attributes: BTreeMap<DescriptionId, Attributes>,
}

impl UnixNames {
    /// The attributes of a socket.
    pub(crate) fn attributes(&self, id: DescriptionId) -> Attributes {
        self.attributes.get(&id).cloned().unwrap_or_default()
    }

    /// The same, to change.
    pub(crate) fn attributes_mut(&mut self, id: DescriptionId) -> &mut Attributes {
        self.attributes.entry(id).or_default()
    }

    /// The timeouts of a socket, to receive and to send.
    #[inline]
    pub(crate) fn timeouts_ns(&self, id: DescriptionId) -> (u64, u64) {
        if self.attributes.is_empty() {
            return (u64::MAX, u64::MAX);
        }
        let attributes = self.attributes.get(&id);
        let or_never = |ns: Option<u64>| ns.unwrap_or(u64::MAX);
        attributes.map_or((u64::MAX, u64::MAX), |attributes| {
            (or_never(attributes.receive_timeout_ns), or_never(attributes.send_timeout_ns))
        })
    }

    /// Forgets the attributes of a socket that is closed.
    pub(crate) fn forget(&mut self, id: DescriptionId) {
        if !self.attributes.is_empty() {
            self.attributes.remove(&id);
        }
    }

    /// The socket that is bound to an address.
    pub(super) fn find(&self, node: NodeId, address: Address) -> Option<DescriptionId> {
        self.bound.get(&(node, address)).copied()
    }

    /// Binds a socket. Returns `false` if another one has the address.
    pub(super) fn bind(&mut self, node: NodeId, address: Address, id: DescriptionId) -> bool {
        if self.bound.contains_key(&(node, address.clone())) {
            return false;
        }
        self.bound.insert((node, address), id);
        true
    }

    pub(super) fn unbind(&mut self, node: NodeId, address: Address) {
        self.bound.remove(&(node, address));
    }
}
