//! The incarnations of other nodes that each process has received something from.
//! Nothing is recorded before some node starts for the second time.

use crate::event::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// The latest incarnation that each process has received from, by receiver, its incarnation, and sender.
#[derive(Default)]
pub(crate) struct Deliveries {
    is_recording: bool,
    latest: BTreeMap<(NodeId, u16, NodeId), u16>,
    /// The connections, with the reading node, for which a stale read was reported.
    reported: BTreeSet<(u32, NodeId)>,
}

impl Deliveries {
    /// Begins to record: some node is in its second incarnation or a later one.
    pub(crate) fn record(&mut self) {
        self.is_recording = true;
    }

    #[inline]
    pub(crate) fn is_recording(&self) -> bool {
        self.is_recording
    }

    /// Records that a process received something from an incarnation of a node. Returns whether it had received something
    /// from a later one before.
    pub(super) fn receive(&mut self, receiver: NodeId, incarnation: u16, sender: NodeId, senders: u16) -> bool {
        let latest = self.latest.entry((receiver, incarnation, sender)).or_insert(senders);
        let is_stale = senders < *latest;
        *latest = senders.max(*latest);
        is_stale
    }

    /// Returns whether the first stale read of this connection at this node is yet to be reported, and notes that it is.
    pub(super) fn report(&mut self, connection: u32, node: NodeId) -> bool {
        self.reported.insert((connection, node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_earlier_incarnation_after_a_later_one_is_stale() {
        let mut deliveries = Deliveries::default();
        let mut receive = |sender: u16, incarnation| deliveries.receive(NodeId(0), 1, NodeId(sender), incarnation);
        assert_eq!(
            [receive(1, 1), receive(1, 2), receive(1, 2), receive(1, 1), receive(2, 1), receive(1, 3)],
            [false, false, false, true, false, false]
        );
        let next = deliveries.receive(NodeId(0), 2, NodeId(1), 1);
        assert!(!next, "the receiver's next incarnation has received nothing yet");
    }
}
