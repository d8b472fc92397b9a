//! The counters behind the answers that probes get: object numbers, generations, passes of injection points.

use crate::event::{Name, NodeId};
use std::collections::BTreeMap;

/// The counters of all nodes.
#[derive(Default)]
pub(crate) struct ProbeCounters {
    /// The number of the last object.
    objects: u32,
    /// The last generation of each resource name on each node.
    generations: BTreeMap<(NodeId, Name), u32>,
    /// The number of times that each node passed each injection point.
    injection_passes: BTreeMap<(NodeId, u64), u64>,
}

impl ProbeCounters {
    /// The number of the next object, from 1.
    pub(crate) fn next_object(&mut self) -> u32 {
        self.objects += 1;
        self.objects
    }

    /// The generation of the next resource of this name on a node, from 1.
    pub(crate) fn next_generation(&mut self, node: NodeId, name: Name) -> u32 {
        let generation = self.generations.entry((node, name)).or_insert(0);
        *generation += 1;
        *generation
    }

    /// Counts a pass of an injection point on a node; returns how many there were.
    pub(crate) fn pass_injection(&mut self, node: NodeId, point: u64) -> u64 {
        let passes = self.injection_passes.entry((node, point)).or_insert(0);
        *passes += 1;
        *passes
    }
}
