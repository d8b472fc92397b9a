//! Messages that outlive the life that they belong to: noticed here, judged elsewhere.
//! A network may deliver them; what a program makes of them is its own affair.

use crate::event::{NodeId, Seq, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::net::tcp::Ref;
use crate::kernel::sched::thread::ThreadId;
use std::collections::{BTreeMap, BTreeSet};

/// What `conn` says for datagrams.
const NO_CONNECTION: u32 = u32::MAX;

/// Which life of each node each node has heard of, by (listener, its life, speaker). Nothing is written down before some
/// node lives a second time.
#[derive(Default)]
pub(crate) struct Heard {
    /// Some node is in its second life or a later one.
    pub(crate) anybody_again: bool,
    latest: BTreeMap<(NodeId, u16, NodeId), u16>,
    /// Connections of which it was told.
    told: BTreeSet<(u32, NodeId)>,
}

impl Heard {
    /// A process hears from a life of a node. Returns whether it heard from a later one before.
    fn hear(&mut self, listener: NodeId, life: u16, speaker: NodeId, speakers: u16) -> bool {
        let latest = self.latest.entry((listener, life, speaker)).or_insert(speakers);
        let late = speakers < *latest;
        *latest = speakers.max(*latest);
        late
    }
}

impl Kernel {
    /// A datagram was delivered that was sent between these lives of its sender and its receiver.
    #[inline]
    pub(crate) fn stale_datagram(&mut self, (from, to): (NodeId, NodeId), lives: (u16, u16), delivered: Seq) {
        if !self.net.stale.anybody_again || from == to {
            return;
        }
        let life = self.process[to].incarnation();
        let late = self.net.stale.hear(to, life, from, lives.0);
        // What was sent before the receiver's first life was meant for nobody.
        if lives.1 > 0 && lives.1 < life {
            self.emit_at(to, delivered, What::Stale { of: to, incarnation: lives.1, conn: NO_CONNECTION });
        }
        if late {
            self.emit_at(to, delivered, What::Stale { of: from, incarnation: lives.0, conn: NO_CONNECTION });
        }
    }

    /// A thread read from a connection.
    #[inline]
    pub(crate) fn stale_read(&mut self, me: ThreadId, end: Ref) {
        if self.net.stale.anybody_again {
            self.look_for_stale_read(me, end);
        }
    }

    fn look_for_stale_read(&mut self, me: ThreadId, end: Ref) {
        let Some((conn, peer, life)) = self.net.peer_life(end) else { return };
        let me_there = self.identity(me);
        if peer != me_there.node
            && self.net.stale.hear(me_there.node, me_there.incarnation, peer, life)
            && self.net.stale.told.insert((conn, me_there.node))
        {
            self.emit(me, What::Stale { of: peer, incarnation: life, conn });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_earlier_life_after_a_later_one_is_late() {
        let mut heard = Heard::default();
        let mut hear = |speaker: u16, life| heard.hear(NodeId(0), 1, NodeId(speaker), life);
        assert_eq!(
            [hear(1, 1), hear(1, 2), hear(1, 2), hear(1, 1), hear(2, 1), hear(1, 3)],
            [false, false, false, true, false, false]
        );
        assert!(!heard.hear(NodeId(0), 2, NodeId(1), 1), "the listener's next life has heard nothing yet");
    }
}
