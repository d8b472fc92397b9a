//! Delivery: messages arrive, are held up by a link and released, or are dropped.
//! Each protocol handles its own messages.

use crate::event::{NodeId, Seq, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Due;
use crate::kernel::net::arrival::Arrival;
use crate::kernel::net::link::LinkFault;
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

    /// Partitions one direction.
    pub(crate) fn partition(&mut self, from: NodeId, to: NodeId) {
        self.net.links.partition(from, to);
        self.arm_probes(from, Some(to));
    }

    /// Heals the partition of one direction.
    pub(crate) fn heal_partition(&mut self, from: NodeId, to: NodeId) {
        self.net.links.heal(from, to);
    }

    /// Heals every partition and clears every fault of every link. Returns whether there was any.
    pub(crate) fn heal_links(&mut self) -> bool {
        self.net.links.heal_all() | self.clear_link_faults()
    }

    /// Injects a fault into the link between two nodes.
    pub(crate) fn inject_link_fault(&mut self, a: NodeId, b: NodeId, fault: LinkFault) {
        self.net.links.inject_fault(a, b, fault);
    }

    /// Clears a fault between two nodes.
    pub(crate) fn clear_link_fault(&mut self, a: NodeId, b: NodeId, fault: LinkFault) {
        self.net.links.clear_fault(a, b, fault);
        self.release_held();
    }

    /// Clears every fault of every link. Returns whether there was one.
    fn clear_link_faults(&mut self) -> bool {
        let was_faulty = self.net.links.clear_faults();
        self.release_held();
        was_faulty
    }

    fn release_held(&mut self) {
        for arrival in self.net.links.take_released() {
            self.sched.set_deadline(self.sched.now_ns(), Due::Arrival(arrival));
        }
    }

    /// A datagram is lost.
    pub(super) fn drop_datagram(&mut self, from: NodeId, to: NodeId, bytes: usize, cause: Seq) {
        let what = What::Dropped { to, bytes: bytes as u32 };
        // A process that has ended emits no more events.
        let is_up = self.process.node(from).is_some_and(Node::is_up);
        self.emit_at(if is_up { from } else { NodeId::SIMULATION }, cause, what);
    }
}
