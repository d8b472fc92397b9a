//! Stale deliveries: messages of an incarnation that has ended, or for one.
//! The network may deliver them; the invariants judge what a program does with them.

use crate::event::{NodeId, Seq, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::net::tcp::EndpointId;
use crate::kernel::sched::thread::ThreadId;

/// The value of `conn` for datagrams.
const NO_CONNECTION: u32 = u32::MAX;

impl Kernel {
    /// A datagram was delivered that was sent between these incarnations of its sender and its receiver.
    #[inline]
    pub(super) fn check_datagram(&mut self, (from, to): (NodeId, NodeId), incarnations: (u16, u16), delivered: Seq) {
        if !self.net.deliveries.is_recording() || from == to {
            return;
        }
        let incarnation = self.process[to].incarnation();
        let is_stale = self.net.deliveries.receive(to, incarnation, from, incarnations.0);
        // A datagram from before the receiver's first incarnation was meant for none.
        if incarnations.1 > 0 && incarnations.1 < incarnation {
            self.emit_at(to, delivered, What::Stale { of: to, incarnation: incarnations.1, conn: NO_CONNECTION });
        }
        if is_stale {
            self.emit_at(to, delivered, What::Stale { of: from, incarnation: incarnations.0, conn: NO_CONNECTION });
        }
    }

    /// A thread read from a connection.
    #[inline]
    pub(super) fn check_read(&mut self, me: ThreadId, end: EndpointId) {
        if self.net.deliveries.is_recording() {
            self.check_recorded_read(me, end);
        }
    }

    fn check_recorded_read(&mut self, me: ThreadId, end: EndpointId) {
        let Some((conn, peer, incarnation)) = self.net.connections.peer_of(end) else { return };
        let reader = self.identity(me);
        if peer != reader.node
            && self.net.deliveries.receive(reader.node, reader.incarnation, peer, incarnation)
            && self.net.deliveries.report(conn, reader.node)
        {
            self.emit(me, What::Stale { of: peer, incarnation, conn });
        }
    }
}
