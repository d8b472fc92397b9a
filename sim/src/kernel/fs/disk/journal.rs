//! Directory operations that are not durable yet, in their order.
//! It decides which must become durable together, and does not touch the directories themselves.

use super::directory::{Entry, Name};
use super::number::{InodeId, OpId};
use std::collections::{BTreeMap, BTreeSet};

/// Stands for the shape of the tree among the directories that an operation touches. Moves of directories keep their
/// order through it, or else a power loss could keep two moves that only together make a loop.
pub(crate) const TREE: InodeId = 0;

/// One entry of a directory set (`Some`) or removed (`None`).
#[derive(Clone)]
pub(crate) struct Change {
    pub(super) directory: InodeId,
    pub(super) name: Name,
    pub(super) entry: Option<Entry>,
}

/// One directory operation: all of its changes become durable, or none.
#[derive(Clone)]
pub(crate) struct Op {
    pub(super) changes: Vec<Change>,
    /// A directory went from one parent to another.
    pub(super) moves_directory: bool,
    /// Earlier operations on other directories, without which this one would lose an entry that was durable before.
    pub(super) needs: Vec<OpId>,
}

impl Op {
    /// Each directory whose order of operations this one is part of.
    pub(crate) fn directories(&self) -> impl Iterator<Item = InodeId> {
        let first = self.changes[0].directory;
        let second = self.changes.get(1).map(|change| change.directory).filter(|d| *d != first);
        [Some(first), second, self.moves_directory.then_some(TREE)].into_iter().flatten()
    }
}

#[derive(Clone, Default)]
pub(crate) struct Journal {
    ops: BTreeMap<OpId, Op>,
    by_directory: BTreeMap<InodeId, BTreeSet<OpId>>,
    last: OpId,
}

impl Journal {
    pub(crate) fn len(&self) -> usize {
        self.ops.len()
    }

    pub(crate) fn push(&mut self, op: Op) -> OpId {
        self.last += 1;
        for directory in op.directories() {
            self.by_directory.entry(directory).or_default().insert(self.last);
        }
        self.ops.insert(self.last, op);
        self.last
    }

    pub(crate) fn is_pending(&self, id: OpId) -> bool {
        self.ops.contains_key(&id)
    }

    pub(crate) fn oldest(&self) -> Option<OpId> {
        self.ops.keys().next().copied()
    }

    /// The last pending operation of a directory.
    pub(crate) fn last_of(&self, directory: InodeId) -> Option<OpId> {
        self.by_directory.get(&directory)?.last().copied()
    }

    /// All that must become durable with the operations of `directory` up to and including `upto`, oldest first.
    pub(crate) fn closure(&self, directory: InodeId, upto: OpId) -> BTreeSet<OpId> {
        let mut found = BTreeSet::new();
        let mut covered: BTreeMap<InodeId, OpId> = BTreeMap::new();
        let mut open = vec![(directory, upto)];
        while let Some((directory, upto)) = open.pop() {
            let from = covered.entry(directory).or_insert(0);
            let Some(row) = self.by_directory.get(&directory) else { continue };
            if upto <= *from {
                continue;
            }
            for &id in row.range(*from + 1..=upto) {
                if !found.insert(id) {
                    continue;
                }
                let op = &self.ops[&id];
                open.extend(op.directories().filter(|d| *d != directory).map(|d| (d, id)));
                for need in &op.needs {
                    if let Some(needed) = self.ops.get(need) {
                        open.extend(needed.directories().map(|d| (d, *need)));
                    }
                }
            }
            *from = upto;
        }
        found
    }

    /// The same for one operation.
    pub(crate) fn closure_of(&self, id: OpId) -> BTreeSet<OpId> {
        match self.ops.get(&id) {
            Some(op) => self.closure(op.changes[0].directory, id),
            None => BTreeSet::new(),
        }
    }

    pub(crate) fn take(&mut self, id: OpId) -> Option<Op> {
        let op = self.ops.remove(&id)?;
        for directory in op.directories() {
            if let Some(row) = self.by_directory.get_mut(&directory) {
                row.remove(&id);
                if row.is_empty() {
                    self.by_directory.remove(&directory);
                }
            }
        }
        Some(op)
    }

    /// Directories with pending operations, and how many.
    pub(crate) fn directories(&self) -> Vec<(InodeId, u64)> {
        self.by_directory.iter().filter(|(d, _)| **d != TREE).map(|(&d, row)| (d, row.len() as u64)).collect()
    }

    /// Empties the journal. Of each directory the last `tail` operations are lost, and with them every later one that
    /// shares a directory with a lost one or needs it. Returns the others, in order.
    pub(crate) fn survivors(&mut self, tails: &BTreeMap<InodeId, u64>) -> Vec<Op> {
        let mut lost_from: BTreeMap<InodeId, OpId> = BTreeMap::new();
        for (directory, &tail) in tails {
            if let Some(row) = self.by_directory.get(directory)
                && tail > 0
                && let Some(&first) = row.iter().nth_back(tail as usize - 1)
            {
                lost_from.insert(*directory, first);
            }
        }
        let mut lost = BTreeSet::new();
        let mut kept = Vec::new();
        for (id, op) in std::mem::take(&mut self.ops) {
            let cut = op.directories().any(|d| lost_from.get(&d).is_some_and(|&from| from <= id));
            if cut || op.needs.iter().any(|need| lost.contains(need)) {
                lost.insert(id);
                for directory in op.directories() {
                    let from = lost_from.entry(directory).or_insert(id);
                    *from = id.min(*from);
                }
            } else {
                kept.push(op);
            }
        }
        self.by_directory.clear();
        kept
    }

    /// Forgets that pending operations set `name` in `directory`; calls `unset` for each inode that they led to.
    pub(crate) fn strike(&mut self, directory: InodeId, name: &[u8], mut unset: impl FnMut(InodeId)) {
        for op in self.ops.values_mut() {
            for change in &mut op.changes {
                if change.directory == directory
                    && *change.name == *name
                    && let Some(entry) = change.entry.take()
                {
                    unset(entry.inode);
                }
            }
        }
    }
}
