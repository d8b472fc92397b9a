//! How an end finds out that the other one has vanished: keepalive probes, and a bound on how long data may wait.
//! Probes are sent only while nothing passes: where the other end would answer, nobody could tell the difference.

use super::connection::{Body, Ref, SocketState, Stage};
use crate::event::{NodeId, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;
use crate::kernel::process::fd::description::DescriptionId;

const SECOND_NS: u64 = 1_000_000_000;

/// What a socket is told to do about a peer that says nothing. Linux's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probing {
    /// `SO_KEEPALIVE`.
    pub(crate) on: bool,
    /// `TCP_KEEPIDLE`: seconds of silence before the first probe.
    pub(crate) idle_s: u32,
    /// `TCP_KEEPINTVL`: seconds between two probes.
    pub(crate) interval_s: u32,
    /// `TCP_KEEPCNT`: after how many without an answer it gives up.
    pub(crate) count: u32,
    /// `TCP_USER_TIMEOUT`: how long data may wait to be taken, in milliseconds; 0 for as long as it is tried.
    pub(crate) give_up_ms: u32,
}

impl Default for Probing {
    fn default() -> Self {
        Self { on: false, idle_s: 7_200, interval_s: 75, count: 9, give_up_ms: 0 }
    }
}

impl Kernel {
    /// What an end's socket is told to do.
    pub(crate) fn probing(&self, end: Ref) -> Option<Probing> {
        let id = self.net.side_ref(end)?.description?;
        match &self.process.descriptions.get(id)?.kind {
            crate::kernel::process::fd::description::Kind::Tcp(socket) => Some(socket.probing),
            _ => None,
        }
    }

    /// Nothing passes between these nodes any more (or, without a second one, to and from the first): who is to notice
    /// begins to count.
    pub(crate) fn arm_probes(&mut self, node: NodeId, other: Option<NodeId>) {
        let mut ends = Vec::new();
        for (index, connection) in self.net.connections.iter().enumerate() {
            let nodes = [connection.sides[0].node, connection.sides[1].node];
            if nodes.contains(&node) && other.is_none_or(|other| nodes.contains(&other)) {
                let end = |side| Ref { index: index as u32, generation: connection.generation, side };
                ends.extend([end(0), end(1)]);
            }
        }
        for end in ends {
            self.arm_probe(end);
        }
    }

    fn arm_probe(&mut self, end: Ref) {
        let Some(probing) = self.probing(end).filter(|probing| probing.on) else { return };
        let Some(side) = self.net.side(end) else { return };
        if side.stage == Stage::Open && !side.reset && !std::mem::replace(&mut side.probed, true) {
            let due_ns = side.heard_ns.saturating_add(u64::from(probing.idle_s) * SECOND_NS);
            self.sched.deadlines.at(due_ns.max(self.sched.now_ns), Due::Probe(end, 0));
        }
    }

    /// A socket was told to send probes: if nothing passes already, it begins at once.
    pub(crate) fn probing_changed(&mut self, id: DescriptionId) {
        let Some(socket) = self.process.descriptions.tcp(id) else { return };
        let SocketState::Stream(end) = socket.state else { return };
        if self.is_out_of_reach(end) {
            self.arm_probe(end);
        }
    }

    fn is_out_of_reach(&self, end: Ref) -> bool {
        let (Some(side), Some(peer)) = (self.net.side_ref(end), self.net.side_ref(end.peer())) else { return false };
        let silent = peer.stage == Stage::Silent;
        self.unreachable(side.node, peer.node, silent) || self.unreachable(peer.node, side.node, false)
    }

    /// A probe is due, after so many that had no answer.
    pub(crate) fn probe(&mut self, end: Ref, unanswered: u32) {
        let Some(probing) = self.probing(end) else { return };
        let out_of_reach = self.is_out_of_reach(end);
        let number = self.net.at(end).map_or(0, |connection| connection.number);
        let peer = self.net.side_ref(end.peer()).map(|peer| peer.stage);
        let now_ns = self.sched.now_ns;
        let Some(side) = self.net.side(end) else { return };
        let idle_until_ns = side.heard_ns.saturating_add(u64::from(probing.idle_s) * SECOND_NS);
        let cause = side.cause;
        if !probing.on || side.reset || side.stage != Stage::Open {
            side.probed = false;
        } else if !out_of_reach {
            side.probed = false;
            // A machine that is back knows no such connection, and says so.
            if peer == Some(Stage::Silent) {
                self.ship(end.peer(), cause, Body::Rst);
            }
        } else if idle_until_ns > now_ns {
            self.sched.deadlines.at(idle_until_ns, Due::Probe(end, 0));
        } else if unanswered >= probing.count.max(1) {
            self.fail(end, libc::ETIMEDOUT, What::TimedOut { conn: number }, cause);
        } else {
            let next_ns = now_ns.saturating_add(u64::from(probing.interval_s.max(1)) * SECOND_NS);
            self.sched.deadlines.at(next_ns, Due::Probe(end, unanswered + 1));
        }
    }
}
