//! The processes of a simulation: its nodes, their open descriptions and signals, and the records about them.

use crate::event::NodeId;
use crate::kernel::net::tcp::TcpSocket;
use crate::kernel::net::udp::UdpSocket;
use crate::kernel::net::unix::UnixSocket;
use crate::kernel::process::address::NODES_MAX;
use crate::kernel::process::fd::description::{Description, Descriptions};
use crate::kernel::process::fd::epoll_instance::Epoll;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::{EventCounter, Kind};
use crate::kernel::process::fd::timer::Timer;
use crate::kernel::process::node::Node;
use crate::kernel::process::output::Lines;
use crate::kernel::process::probe_counters::ProbeCounters;
use crate::kernel::process::signal::Signals;
use crate::kernel::sched::call_site::{CallSite, CallSites};
use crate::kernel::sched::clock::Clocks;
use crate::kernel::sched::fiber::Trace;
use std::ops::{Index, IndexMut};

/// All nodes, and the state that their processes share.
pub(crate) struct Processes {
    nodes: Vec<Node>,
    descriptions: Descriptions,
    signals: Signals,
    /// Lines that programs printed and traced.
    output: Lines,
    /// The calls that created threads, tasks and descriptors.
    call_sites: CallSites,
    probes: ProbeCounters,
    /// The clocks of some node differ from the simulation's.
    clocks_differ: bool,
    /// The number of times that timer descriptors were set.
    timer_windings: u32,
}

impl Processes {
    pub(crate) fn new(output: Lines) -> Self {
        Self {
            nodes: Vec::new(),
            descriptions: Descriptions::default(),
            signals: Signals::default(),
            output,
            call_sites: CallSites::new(),
            probes: ProbeCounters::default(),
            clocks_differ: false,
            timer_windings: 0,
        }
    }

    /// Adds a node under the next number.
    pub(crate) fn add(&mut self, node: Node) -> NodeId {
        assert!(self.nodes.len() < NODES_MAX, "a simulation holds {NODES_MAX} nodes");
        self.nodes.push(node);
        NodeId(self.nodes.len() as u16 - 1)
    }

    /// The number of nodes.
    pub(crate) fn count(&self) -> usize {
        self.nodes.len()
    }

    /// All nodes with their numbers.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().enumerate().map(|(index, node)| (NodeId(index as u16), node))
    }

    /// Every node, to change.
    pub(crate) fn nodes_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.nodes.iter_mut()
    }

    /// A node, unless the number is the simulation's own or of no node.
    #[inline]
    pub(crate) fn node(&self, node: NodeId) -> Option<&Node> {
        self.nodes.get(usize::from(node.0))
    }

    /// The same, to change.
    #[inline]
    pub(crate) fn node_mut(&mut self, node: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(usize::from(node.0))
    }

    /// The signals of all processes.
    #[inline]
    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }

    #[inline]
    pub(crate) fn signals_mut(&mut self) -> &mut Signals {
        &mut self.signals
    }

    /// The lines that programs printed and traced.
    pub(crate) fn output(&self) -> &Lines {
        &self.output
    }

    pub(crate) fn output_mut(&mut self) -> &mut Lines {
        &mut self.output
    }

    /// The number of a call site, new or known.
    pub(crate) fn call_site(&mut self, trace: &Trace) -> CallSite {
        self.call_sites.of(trace)
    }

    /// The number of the stack of an await, new or known. It allocates nothing.
    pub(crate) fn await_site(&mut self, trace: &Trace) -> CallSite {
        self.call_sites.of_await(trace)
    }

    /// The call sites of the run.
    pub(crate) fn call_sites_mut(&mut self) -> &mut CallSites {
        &mut self.call_sites
    }

    /// Takes all call sites out, at the end of a run.
    pub(crate) fn take_call_sites(&mut self) -> CallSites {
        std::mem::take(&mut self.call_sites)
    }

    /// The counters behind the answers that probes get.
    pub(crate) fn probes_mut(&mut self) -> &mut ProbeCounters {
        &mut self.probes
    }

    /// Returns whether the clocks of any node differ from the simulation's.
    #[inline]
    pub(crate) fn clocks_differ(&self) -> bool {
        self.clocks_differ
    }

    /// Changes the clocks of a node, if there is one of this number. Returns them.
    pub(crate) fn change_clocks(&mut self, node: NodeId, change: impl FnOnce(&mut Clocks)) -> Option<Clocks> {
        let clocks = self.node_mut(node)?.clocks_mut();
        change(clocks);
        let clocks = *clocks;
        self.clocks_differ = true;
        Some(clocks)
    }

    /// The number of the next setting of a timer descriptor.
    pub(super) fn next_timer_winding(&mut self) -> u32 {
        self.timer_windings += 1;
        self.timer_windings
    }
}

/// Open descriptions.
impl Processes {
    /// Opens a description that no descriptor refers to yet.
    pub(crate) fn open(&mut self, node: NodeId, nonblocking: bool, kind: Kind) -> DescriptionId {
        self.descriptions.add(node, nonblocking, kind)
    }

    /// Removes a description that no descriptor refers to.
    pub(super) fn remove_description(&mut self, id: DescriptionId) -> Option<Description> {
        self.descriptions.remove(id)
    }

    #[inline]
    pub(crate) fn description(&self, id: DescriptionId) -> Option<&Description> {
        self.descriptions.get(id)
    }

    #[inline]
    pub(crate) fn description_mut(&mut self, id: DescriptionId) -> Option<&mut Description> {
        self.descriptions.get_mut(id)
    }

    /// Gives a socket that was accepted the options of its listener.
    pub(crate) fn inherit_options(&mut self, from: DescriptionId, to: DescriptionId) {
        let Some(options) = self.descriptions.get(from).map(|listener| listener.options().clone()) else { return };
        if let Some(accepted) = self.descriptions.get_mut(to) {
            *accepted.options_mut() = options;
        }
    }

    /// A description and its node, both to change.
    pub(crate) fn description_and_node(&mut self, id: DescriptionId) -> Option<(&mut Description, &mut Node)> {
        let description = self.descriptions.get_mut(id)?;
        let node = self.nodes.get_mut(usize::from(description.node().0))?;
        Some((description, node))
    }

    #[inline]
    pub(crate) fn epoll(&mut self, id: DescriptionId) -> Option<&mut Epoll> {
        match self.description_mut(id)?.kind_mut() {
            Kind::Epoll(epoll) => Some(epoll),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn event(&mut self, id: DescriptionId) -> Option<&mut EventCounter> {
        match self.description_mut(id)?.kind_mut() {
            Kind::Event(counter) => Some(counter),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn tcp(&mut self, id: DescriptionId) -> Option<&mut TcpSocket> {
        match self.description_mut(id)?.kind_mut() {
            Kind::Tcp(socket) => Some(socket),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn timer(&mut self, id: DescriptionId) -> Option<&mut Timer> {
        match self.description_mut(id)?.kind_mut() {
            Kind::Timer(timer) => Some(timer),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn udp(&mut self, id: DescriptionId) -> Option<&mut UdpSocket> {
        match self.description_mut(id)?.kind_mut() {
            Kind::Udp(socket) => Some(socket),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn unix(&mut self, id: DescriptionId) -> Option<&mut UnixSocket> {
        match self.description_mut(id)?.kind_mut() {
            Kind::Unix(socket) => Some(socket),
            _ => None,
        }
    }
}

impl Index<NodeId> for Processes {
    type Output = Node;

    #[inline]
    fn index(&self, node: NodeId) -> &Node {
        &self.nodes[usize::from(node.0)]
    }
}

impl IndexMut<NodeId> for Processes {
    #[inline]
    fn index_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[usize::from(node.0)]
    }
}
