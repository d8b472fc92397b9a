//! Taking and releasing locks on files.
//! It never waits: a caller whose lock is held may wait, and try again when one is released.

use super::lock::{Lock, LockKind, Owner, RecordLock, conflict};
use super::number::InodeId;
use super::{Disk, Errno, OpenFile};

impl Disk {
    /// Tries to take the `flock` of a file for an open description. An upgrade or downgrade first releases the lock, as on
    /// Linux: an upgrade that is refused leaves none. Errors: `EBADF` for an inode that does not exist.
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

    /// Releases the `flock` of an open description. Returns whether it had one.
    pub fn funlock(&mut self, inode: InodeId, description: u64) -> bool {
        self.locks.files.get_mut(&inode).is_some_and(|locks| locks.whole.remove(&description).is_some())
    }

    /// Tries to take a record lock on `start..end`; `u64::MAX` stands for the end of the file, however far it grows. Locks
    /// of the same owner there change their kind, and equal neighbours are joined. Errors: `EINVAL` for an empty range,
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

    /// Releases the locks of `owner` on `start..end`, which may split one. Returns whether there were any. Errors: `EINVAL`
    /// for an empty range.
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

    /// Releases every lock of `owner` on one file. Returns whether there were any.
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

    /// Releases every lock of `owner` on any file. Returns whether there were any.
    pub fn release_locks(&mut self, owner: Owner) -> bool {
        let files: Vec<InodeId> = self.locks.files.keys().copied().collect();
        files.into_iter().fold(false, |freed, inode| self.release_file_locks(inode, owner) | freed)
    }

    /// Returns whether an open file's own description holds a lock on it (`flock`, `F_OFD_SETLK`).
    pub fn is_locked_by(&self, file: &OpenFile) -> bool {
        let by_record = |record: &RecordLock| record.owner == Owner::Description(file.description);
        self.locks
            .files
            .get(&file.inode)
            .is_some_and(|locks| locks.whole.contains_key(&file.description) || locks.records.iter().any(by_record))
    }

    /// Every lock on a file, with `flock`s as locks on all of it, for reports of deadlocks and leaks.
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
