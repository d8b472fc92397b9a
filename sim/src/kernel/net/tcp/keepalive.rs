//! TCP keepalive: probes that find out whether a silent peer still exists.
//! They are simulated only while nothing passes: a peer that answers would make no difference.

use super::endpoint::{Endpoint, EndpointId};
use super::socket::{KeepAlive, SocketState};
use crate::event::{NodeId, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::Kind;

const SECOND_NS: u64 = 1_000_000_000;

impl Kernel {
    /// The keepalive options of an end's socket.
    pub(super) fn keepalive_of(&self, end: EndpointId) -> Option<KeepAlive> {
        let id = self.net.connections.end(end)?.description?;
        match self.process.description(id)?.kind() {
            Kind::Tcp(socket) => Some(socket.keepalive),
            _ => None,
        }
    }

    /// Arms the probes between two nodes, or all of the first node's, because nothing passes there any more.
    pub(crate) fn arm_probes(&mut self, node: NodeId, other: Option<NodeId>) {
        let mut ends = Vec::new();
        for (end, connection) in self.net.connections.iter() {
            let nodes = [connection.ends[0].node, connection.ends[1].node];
            if nodes.contains(&node) && other.is_none_or(|other| nodes.contains(&other)) {
                ends.extend([end, end.peer()]);
            }
        }
        for end in ends {
            self.arm_probe(end);
        }
    }

    fn arm_probe(&mut self, at: EndpointId) {
        let Some(keepalive) = self.keepalive_of(at).filter(|keepalive| keepalive.on) else { return };
        let Some(end) = self.net.connections.end_mut(at) else { return };
        if end.is_alive() && !std::mem::replace(&mut end.probe_armed, true) {
            let due_ns = end.last_arrival_ns.saturating_add(u64::from(keepalive.idle_s) * SECOND_NS);
            self.sched.set_deadline(due_ns.max(self.sched.now_ns()), Due::Probe(at, 0));
        }
    }

    /// The keepalive options of a socket changed: if nothing passes already, its probes are armed at once.
    pub(crate) fn keepalive_changed(&mut self, id: DescriptionId) {
        let Some(socket) = self.process.tcp(id) else { return };
        let SocketState::Connected(at) = socket.state else { return };
        if self.is_cut_off(at) {
            self.arm_probe(at);
        }
    }

    fn is_cut_off(&self, at: EndpointId) -> bool {
        let (Some(end), Some(peer)) = (self.net.connections.end(at), self.net.connections.end(at.peer())) else {
            return false;
        };
        self.is_unreachable(end.node, peer.node, peer.is_lost()) || self.is_unreachable(peer.node, end.node, false)
    }

    /// A probe is due, after this many that were not answered.
    pub(crate) fn probe(&mut self, at: EndpointId, unanswered: u32) {
        let Some(keepalive) = self.keepalive_of(at) else { return };
        let is_cut_off = self.is_cut_off(at);
        let number = self.net.connections.get(at).map_or(0, |connection| connection.number);
        let peer_is_lost = self.net.connections.end(at.peer()).is_some_and(Endpoint::is_lost);
        let now_ns = self.sched.now_ns();
        let Some(end) = self.net.connections.end_mut(at) else { return };
        let idle_until_ns = end.last_arrival_ns.saturating_add(u64::from(keepalive.idle_s) * SECOND_NS);
        let cause = end.cause;
        if !keepalive.on || !end.is_alive() {
            end.probe_armed = false;
        } else if !is_cut_off {
            end.probe_armed = false;
            // A machine that has restarted knows no such connection and answers the probe with a RST.
            if peer_is_lost {
                self.send_rst(at.peer(), cause);
            }
        } else if idle_until_ns > now_ns {
            self.sched.set_deadline(idle_until_ns, Due::Probe(at, 0));
        } else if unanswered >= keepalive.probes_max.max(1) {
            self.fail(at, libc::ETIMEDOUT, What::TimedOut { conn: number }, cause);
        } else {
            let next_ns = now_ns.saturating_add(u64::from(keepalive.interval_s.max(1)) * SECOND_NS);
            self.sched.set_deadline(next_ns, Due::Probe(at, unanswered + 1));
        }
    }
}
