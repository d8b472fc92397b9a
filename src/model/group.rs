//! A handle on some nodes of a scenario.

use afterlife_sim::event::NodeId;

/// A handle on some nodes of a scenario, in the order of their numbers. It is `Copy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// In the order of their numbers. Never freed: a scenario has few groups, and its process is short-lived.
    nodes: &'static [NodeId],
}

impl Group {
    pub(crate) fn new(first: usize, count: usize) -> Self {
        Self::of((first..first + count).map(|number| NodeId(number as u16)).collect())
    }

    fn of(nodes: Vec<NodeId>) -> Self {
        Self { nodes: nodes.leak() }
    }

    /// The node at this index, from 0 in the order in which the scenario made them. [`Fault`](crate::Fault) and
    /// [`Trigger`](crate::Trigger) take nodes.
    ///
    /// # Panics
    /// If the group has no such node.
    #[track_caller]
    pub fn node(self, index: usize) -> NodeId {
        assert!(index < self.nodes.len(), "node {index} of a group of {} nodes: the first is node 0", self.nodes.len());
        self.nodes[index]
    }

    /// The union of two groups. The order does not matter: `servers.and(clients)` lets a partition separate one from the other.
    #[must_use = "neither group is changed"]
    pub fn and(self, other: Self) -> Self {
        let mut nodes = [self.nodes, other.nodes].concat();
        nodes.sort_unstable();
        nodes.dedup();
        Self::of(nodes)
    }

    /// The nodes, in the order of their numbers.
    pub fn nodes(self) -> impl Iterator<Item = NodeId> {
        self.nodes.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_join_in_any_order() {
        let (servers, clients, others) = (Group::new(0, 2), Group::new(2, 1), Group::new(7, 2));
        assert_eq!(servers.and(others).and(clients), clients.and(servers).and(others));
        assert_eq!(servers.and(servers), servers);
        assert_eq!(servers.and(others).nodes().map(|node| node.0).collect::<Vec<_>>(), [0, 1, 7, 8]);
    }
}
