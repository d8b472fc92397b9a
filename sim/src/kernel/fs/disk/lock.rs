//! Locks on files: `flock` of whole files, and record locks on ranges of bytes.
//! It never waits: a caller that is told `Held` decides whether to wait and tries again when something was released.

use super::inode::InodeId;
use super::{Disk, Errno, OpenFile};
use std::collections::BTreeMap;

/// Shared (read) or exclusive (write).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Many may hold it at once.
    Shared,
    /// One holds it alone.
    Exclusive,
}

/// The answer to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// The caller holds it now.
    Granted,
    /// Somebody else holds a lock that conflicts.
    Held,
}

/// Who holds a lock. The two kinds of record lock conflict with each other as they do on Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A process (`F_SETLK`).
    Process(u64),
    /// An open file description (`flock`, `F_OFD_SETLK`): [`super::OpenFile::description`].
    Description(u64),
}

/// A record lock as it stands: bytes `start..end`, where `end == u64::MAX` reaches to whatever the end of the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLock {
    /// First byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
    /// Shared or exclusive.
    pub kind: LockKind,
    /// Who holds it.
    pub owner: Owner,
}

#[derive(Clone, Default)]
struct FileLocks {
    /// Holders of the `flock`, by description.
    whole: BTreeMap<u64, LockKind>,
    /// In order of start, then owner; those of one owner never overlap.
    records: Vec<RecordLock>,
}

#[derive(Clone, Default)]
pub(crate) struct Locks {
    files: BTreeMap<InodeId, FileLocks>,
}

impl Locks {
    pub(crate) fn forget(&mut self, inode: InodeId) {
        self.files.remove(&inode);
    }
}

fn conflict(a: LockKind, b: LockKind) -> bool {
    a == LockKind::Exclusive || b == LockKind::Exclusive
}

impl FileLocks {
    fn conflicting(&self, start: u64, end: u64, kind: LockKind, owner: Owner) -> Option<RecordLock> {
        let found = |held: &&RecordLock| {
            held.owner != owner && held.start < end && start < held.end && conflict(held.kind, kind)
        };
        self.records.iter().find(found).copied()
    }

    /// Gives `start..end` of one owner a kind, or none; what lay there is cut, and equal neighbours are joined. Returns
    /// whether the owner held more there before than now.
    fn set(&mut self, start: u64, end: u64, kind: Option<LockKind>, owner: Owner) -> bool {
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

impl Disk {
    /// Tries to take the `flock` of a file for an open description. An upgrade or downgrade gives up what is held first,
    /// as on Linux: an upgrade that is refused leaves no lock. Errors: `EBADF` for an inode that does not exist.
    pub fn flock(&mut self, inode: InodeId, description: u64, kind: LockKind) -> Result<Lock, Errno> {
        self.inode(inode)?;
        let whole = &mut self.locks.files.entry(inode).or_default().whole;
        if whole.get(&description) == Some(&kind) {
            return Ok(Lock::Granted);
        }
        whole.remove(&description);
        if whole.values().any(|held| conflict(*held, kind)) {
            return Ok(Lock::Held);
        }
        whole.insert(description, kind);
        Ok(Lock::Granted)
    }

    /// Gives back the `flock` of an open description; returns whether it had one.
    pub fn funlock(&mut self, inode: InodeId, description: u64) -> bool {
        self.locks.files.get_mut(&inode).is_some_and(|locks| locks.whole.remove(&description).is_some())
    }

    /// Tries to take a record lock on `start..end` (`u64::MAX`: to the end of the file, however far it grows). What the
    /// same owner holds there changes its kind; what it holds beside it is joined. Errors: `EINVAL` for an empty range,
    /// `EBADF`.
    pub fn lock_record(
        &mut self,
        inode: InodeId,
        (start, end): (u64, u64),
        kind: LockKind,
        owner: Owner,
    ) -> Result<Lock, Errno> {
        self.inode(inode)?;
        if start >= end {
            return Err(libc::EINVAL);
        }
        let locks = self.locks.files.entry(inode).or_default();
        if locks.conflicting(start, end, kind, owner).is_some() {
            return Ok(Lock::Held);
        }
        locks.set(start, end, Some(kind), owner);
        Ok(Lock::Granted)
    }

    /// Gives back what `owner` holds of `start..end`, which may split a lock; returns whether it held any of it. Errors:
    /// `EINVAL` for an empty range.
    pub fn unlock_record(&mut self, inode: InodeId, (start, end): (u64, u64), owner: Owner) -> Result<bool, Errno> {
        if start >= end {
            return Err(libc::EINVAL);
        }
        Ok(self.locks.files.get_mut(&inode).is_some_and(|locks| locks.set(start, end, None, owner)))
    }

    /// The first lock that would refuse this one (`F_GETLK`), or `None` when it would be granted.
    pub fn record_conflict(
        &self,
        inode: InodeId,
        (start, end): (u64, u64),
        kind: LockKind,
        owner: Owner,
    ) -> Option<RecordLock> {
        self.locks.files.get(&inode)?.conflicting(start, end, kind, owner)
    }

    /// Gives back all that `owner` holds on one file; returns whether it held any.
    pub fn release_file_locks(&mut self, inode: InodeId, owner: Owner) -> bool {
        let Some(locks) = self.locks.files.get_mut(&inode) else { return false };
        let mut freed = locks.set(0, u64::MAX, None, owner);
        if let Owner::Description(description) = owner {
            freed |= locks.whole.remove(&description).is_some();
        }
        if locks.whole.is_empty() && locks.records.is_empty() {
            self.locks.files.remove(&inode);
        }
        freed
    }

    /// Gives back all that `owner` holds on any file; returns whether it held any.
    pub fn release_locks(&mut self, owner: Owner) -> bool {
        let files: Vec<InodeId> = self.locks.files.keys().copied().collect();
        files.into_iter().fold(false, |freed, inode| self.release_file_locks(inode, owner) | freed)
    }

    /// Whether an open file's own description holds a lock on it (`flock`, `F_OFD_SETLK`).
    pub fn is_locked_by(&self, file: &OpenFile) -> bool {
        let by_record = |record: &RecordLock| record.owner == Owner::Description(file.description);
        self.locks
            .files
            .get(&file.inode)
            .is_some_and(|locks| locks.whole.contains_key(&file.description) || locks.records.iter().any(by_record))
    }

    /// Every lock on a file, `flock`s as locks on all of it: for reports of who waits for whom and what is left over.
    pub fn locks_of(&self, inode: InodeId) -> Vec<RecordLock> {
        let Some(locks) = self.locks.files.get(&inode) else { return Vec::new() };
        let whole = locks.whole.iter().map(|(&description, &kind)| RecordLock {
            start: 0,
            end: u64::MAX,
            kind,
            owner: Owner::Description(description),
        });
        whole.chain(locks.records.iter().copied()).collect()
    }
}
