//! A handle on nodes of a scenario.

use afterlife_sim::event::NodeId;

/// Some nodes of the scenario. Copy it wherever it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// In the order of their numbers. A scenario has few groups, and its process is short-lived: they are never freed.
    nodes: &'static [NodeId],
}

impl Group {
    pub(crate) fn new(first: usize, count: usize) -> Self {
        Self::of((first..first + count).map(|number| NodeId(number as u16)).collect())
    }

    fn of(nodes: Vec<NodeId>) -> Self {
        Self { nodes: nodes.leak() }
    }

    /// Its node at this index, from 0 in the order in which the scenario made them: faults and triggers name nodes so.
    ///
    /// # Panics
    /// If it has no such node.
    pub fn node(self, index: usize) -> NodeId {
        assert!(index < self.nodes.len(), "node {index} of a group of {}: the first is node 0", self.nodes.len());
        self.nodes[index]
    }

    /// The nodes of both groups, in any order: `servers.and(clients)` lets a partition cut one from the other.
    #[must_use = "it changes neither group"]
    pub fn and(self, other: Self) -> Self {
        let mut nodes = [self.nodes, other.nodes].concat();
        nodes.sort_unstable();
        nodes.dedup();
        Self::of(nodes)
    }

    /// Its nodes.
    pub(crate) fn nodes(self) -> impl Iterator<Item = NodeId> {
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
