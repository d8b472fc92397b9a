//! The processes of a simulation: its nodes, their open descriptions and signals, and what was recorded of them.

use crate::event::{Name, NodeId};
use crate::kernel::process::address::NODES_MAX;
use crate::kernel::process::fd::description::Descriptions;
use crate::kernel::process::node::Node;
use crate::kernel::process::output::Lines;
use crate::kernel::process::signal::Signals;
use crate::kernel::sched::call_site::CallSites;
use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};

/// All nodes, and what their processes share.
pub(crate) struct Processes {
    pub(crate) nodes: Nodes,
    pub(crate) descriptions: Descriptions,
    pub(crate) signals: Signals,
    /// Lines that programs printed and traced.
    pub(crate) output: Lines,
    /// Where threads, tasks and descriptors were made.
    pub(crate) call_sites: CallSites,
    pub(crate) probes: Probes,
    /// The clocks of some node differ from the simulation's.
    pub(crate) clocks_differ: bool,
    /// The number of times that timer descriptors were set.
    pub(crate) timer_windings: u32,
}

/// All nodes, by number.
#[derive(Default)]
pub(crate) struct Nodes {
    all: Vec<Node>,
}

/// Counters behind the answers that probes get.
#[derive(Default)]
pub(crate) struct Probes {
    /// The number of the last object.
    pub(crate) objects: u32,
    /// The last generation of each resource name on each node.
    pub(crate) generations: BTreeMap<(NodeId, Name), u32>,
    /// The number of times that each node passed each point that may misbehave.
    pub(crate) buggify_passes: BTreeMap<(NodeId, u64), u64>,
}

impl Processes {
    pub(crate) fn new(output: Lines) -> Self {
        Self {
            nodes: Nodes::default(),
            descriptions: Descriptions::default(),
            signals: Signals::default(),
            output,
            call_sites: CallSites::default(),
            probes: Probes::default(),
            clocks_differ: false,
            timer_windings: 0,
        }
    }

    /// A node, unless the number is the simulation's own or of no node.
    #[inline]
    pub(crate) fn node(&self, node: NodeId) -> Option<&Node> {
        self.nodes.all.get(usize::from(node.0))
    }

    /// The same, to change.
    #[inline]
    pub(crate) fn node_mut(&mut self, node: NodeId) -> Option<&mut Node> {
        self.nodes.all.get_mut(usize::from(node.0))
    }
}

impl Nodes {
    /// Adds a node under the next number.
    pub(crate) fn add(&mut self, node: Node) -> NodeId {
        assert!(self.all.len() < NODES_MAX, "a simulation holds {NODES_MAX} nodes");
        self.all.push(node);
        NodeId(self.all.len() as u16 - 1)
    }

    /// The number of nodes.
    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// All nodes with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.all.iter().enumerate().map(|(index, node)| (NodeId(index as u16), node))
    }
}

impl Index<NodeId> for Nodes {
    type Output = Node;

    #[inline]
    fn index(&self, node: NodeId) -> &Node {
        &self.all[usize::from(node.0)]
    }
}

impl IndexMut<NodeId> for Nodes {
    #[inline]
    fn index_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.all[usize::from(node.0)]
    }
}

impl Index<NodeId> for Processes {
    type Output = Node;

    #[inline]
    fn index(&self, node: NodeId) -> &Node {
        &self.nodes[node]
    }
}

impl IndexMut<NodeId> for Processes {
    #[inline]
    fn index_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node]
    }
}
