//! Delivery: messages arrive, are held up by a link and released, or are dropped.
//! Each protocol handles its own messages.

use crate::event::{NodeId, Seq, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;
use crate::kernel::net::arrival::Arrival;
use crate::kernel::net::link::LinkTrouble;
use crate::kernel::process::node::Node;

impl Kernel {
    /// A message arrives.
    #[inline]
    pub(crate) fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Segment(from) => self.receive_segment(from),
            Arrival::Syn(end, attempt) => self.receive_syn(end, attempt),
            Arrival::Datagram(datagram) => self.receive_datagram(*datagram),
        }
    }

    /// Ends a trouble between two nodes.
    pub(crate) fn mend_link(&mut self, a: NodeId, b: NodeId, trouble: LinkTrouble) {
        self.net.links.end_trouble(a, b, trouble);
        self.release_held();
    }

    /// Ends every trouble of every link. Returns whether there was one.
    pub(crate) fn mend_links(&mut self) -> bool {
        let troubled = self.net.links.end_troubles();
        self.release_held();
        troubled
    }

    fn release_held(&mut self) {
        for arrival in self.net.links.take_released() {
            self.sched.deadlines.at(self.sched.now_ns, Due::Arrival(arrival));
        }
    }

    /// A datagram is lost.
    pub(super) fn drop_datagram(&mut self, from: NodeId, to: NodeId, bytes: usize, cause: Seq) {
        let what = What::Dropped { to, bytes: bytes as u32 };
        // A process that has ended emits no more events.
        let is_up = self.process.node(from).is_some_and(Node::is_up);
        self.emit_at(if is_up { from } else { NodeId::WORLD }, cause, what);
    }
}
