//! The locks on files: `flock` of whole files, and record locks on ranges of bytes.
//! The operations on them are in `locking`.

use super::number::InodeId;
use std::collections::BTreeMap;

/// Shared (read) or exclusive (write).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Many may hold it at once.
    Shared,
    /// One holds it alone.
    Exclusive,
}

/// The result of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// The caller holds it now.
    Granted,
    /// Another owner holds a lock that conflicts.
    Held,
}

/// The owner of a lock. The two kinds of record lock conflict with each other, as on Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A process (`F_SETLK`).
    Process(u64),
    /// An open file description (`flock`, `F_OFD_SETLK`): [`super::OpenFile::description`].
    Description(u64),
}

/// A record lock on the bytes `start..end`; `u64::MAX` stands for the end of the file, however far it grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLock {
    /// First byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
    /// Shared or exclusive.
    pub kind: LockKind,
    /// Its owner.
    pub owner: Owner,
}

#[derive(Clone, Default)]
pub(super) struct FileLocks {
    /// Holders of the `flock`, by description.
    pub(super) whole: BTreeMap<u64, LockKind>,
    /// In order of start, then owner; those of one owner never overlap.
    pub(super) records: Vec<RecordLock>,
}

#[derive(Clone, Default)]
pub(crate) struct Locks {
    pub(super) files: BTreeMap<InodeId, FileLocks>,
}

impl Locks {
    pub(crate) fn forget(&mut self, inode: InodeId) {
        self.files.remove(&inode);
    }
}

pub(super) fn conflict(a: LockKind, b: LockKind) -> bool {
    a == LockKind::Exclusive || b == LockKind::Exclusive
}

impl FileLocks {
    pub(super) fn conflicting(&self, start: u64, end: u64, kind: LockKind, owner: Owner) -> Option<RecordLock> {
        let found = |held: &&RecordLock| {
            held.owner != owner && held.start < end && start < held.end && conflict(held.kind, kind)
        };
        self.records.iter().find(found).copied()
    }

    /// Sets the kind of `start..end` for one owner, or unlocks it: splits the locks that reach into it, and joins equal
    /// neighbours. Returns whether the owner held more there before.
    pub(super) fn set(&mut self, start: u64, end: u64, kind: Option<LockKind>, owner: Owner) -> bool {
        let mut weaker = false;
        let mut records = Vec::with_capacity(self.records.len() + 2);
        let (mut new_start, mut new_end) = (start, end);
        for held in self.records.drain(..) {
            let touches = held.owner == owner && held.start <= end && start <= held.end;
            let overlaps = held.start < end && start < held.end;
            if !touches || (!overlaps && kind != Some(held.kind)) {
                records.push(held);
            } else if kind == Some(held.kind) {
                (new_start, new_end) = (new_start.min(held.start), new_end.max(held.end));
            } else {
                weaker |= kind.is_none() || held.kind == LockKind::Exclusive;
                if held.start < start {
                    records.push(RecordLock { end: start, ..held });
                }
                if end < held.end {
                    records.push(RecordLock { start: end, ..held });
                }
            }
        }
        if let Some(kind) = kind {
            records.push(RecordLock { start: new_start, end: new_end, kind, owner });
        }
        records.sort_by_key(|held| (held.start, held.owner));
        self.records = records;
        weaker
    }
}
