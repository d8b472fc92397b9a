//! The names and numbers of a log: texts, nodes, objects. Nothing is discarded, because a violation may need any of them.

use crate::invariant::Facts;
use crate::run::facts::Texts;
use afterlife_sim::event::probe::Register;
use afterlife_sim::event::{Name, NodeId};
use std::collections::BTreeMap;

/// The names behind the numbers of a log.
#[derive(Debug, Default)]
pub(super) struct Names {
    texts: Texts,
    nodes: Vec<(String, u16)>,
    numbers: BTreeMap<String, u16>,
    objects: u32,
    generations: BTreeMap<Name, u32>,
}

impl Names {
    /// The node with this name; `None` if there are too many. A log without node names is the log of one process.
    pub(super) fn node(&mut self, name: &str) -> Option<NodeId> {
        let name = if name.is_empty() { "the program" } else { name };
        if let Some(number) = self.numbers.get(name) {
            return Some(NodeId(*number));
        }
        let node = u16::try_from(self.nodes.len()).ok().map(NodeId).filter(|node| *node != NodeId::SIMULATION)?;
        self.nodes.push((name.to_owned(), 1));
        self.numbers.insert(name.to_owned(), node.0);
        Some(node)
    }

    /// The incarnation of a node, from 1.
    pub(super) fn incarnation(&self, node: NodeId) -> u16 {
        self.nodes.get(usize::from(node.0)).map_or(1, |(_, incarnation)| *incarnation)
    }

    /// Begins a node's next incarnation.
    pub(super) fn next_incarnation(&mut self, node: NodeId) {
        if let Some((_, incarnation)) = self.nodes.get_mut(usize::from(node.0)) {
            *incarnation = incarnation.saturating_add(1);
        }
    }

    /// Adds the next text of a record, which numbers its texts itself.
    pub(super) fn push(&mut self, text: String) {
        self.texts.push(text);
    }

    /// Texts and nodes, by number.
    pub(super) fn into_parts(self) -> (Vec<String>, Vec<String>) {
        (self.texts.into_texts(), self.nodes.into_iter().map(|(name, _)| name).collect())
    }
}

impl Register for Names {
    fn name(&mut self, text: &str) -> Name {
        self.texts.name(text)
    }

    fn object(&mut self) -> u32 {
        self.objects += 1;
        self.objects
    }

    fn generation(&mut self, name: Name) -> u32 {
        let generation = self.generations.entry(name).or_insert(0);
        *generation += 1;
        *generation
    }
}

impl Facts for Names {
    fn text(&self, name: Name) -> &str {
        self.texts.text(name)
    }

    fn node(&self, node: NodeId) -> &str {
        self.nodes.get(usize::from(node.0)).map_or("the program", |(name, _)| name)
    }
}
