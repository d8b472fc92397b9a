//! Locking files: `flock`, and record locks by `fcntl`.
//! The locks themselves are on the disk.

use crate::event::NodeId;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::fs::disk::{Lock, LockKind, OpenFile, Owner};
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::sched::thread::{State, ThreadId, Wait};

impl Kernel {
    /// One attempt at `flock`.
    pub(crate) fn file_lock(&mut self, me: ThreadId, id: DescriptionId, operation: i32) -> Result<Blocking<()>, Errno> {
        let node = self.sched[me].node();
        let kind = match operation & !libc::LOCK_NB {
            libc::LOCK_SH => LockKind::Shared,
            libc::LOCK_EX => LockKind::Exclusive,
            libc::LOCK_UN => {
                let freed = self.with_file(id, |file, disk, _| Ok(disk.funlock(file.inode, file.description)))?;
                if freed {
                    self.locks_changed(node);
                }
                return Ok(Blocking::Done(()));
            }
            _ => return Err(libc::EINVAL),
        };
        match self.with_file(id, |file, disk, _| disk.flock(file.inode, file.description, kind))? {
            Lock::Granted => Ok(Blocking::Done(())),
            Lock::Held if operation & libc::LOCK_NB != 0 => Err(libc::EWOULDBLOCK),
            Lock::Held => Ok(Blocking::Wait(Wait::FileLock, u64::MAX)),
        }
    }

    /// One attempt at `fcntl(F_SETLK)` and its kin, on the bytes from a start to an end; `None` unlocks them.
    pub(crate) fn record_lock(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        range: (u64, u64),
        kind: Option<LockKind>,
        owned_by_description: bool,
    ) -> Result<Lock, Errno> {
        let node = self.sched[me].node();
        let incarnation = self.sched[me].incarnation();
        let (freed, lock) = self.with_file(id, |file, disk, _| {
            let owner = owner(file, incarnation, owned_by_description);
            Ok(match kind {
                None => (disk.unlock_record(file.inode, range, owner)?, Lock::Granted),
                Some(kind) => (false, disk.lock_record(file.inode, range, kind, owner)?),
            })
        })?;
        if freed {
            self.locks_changed(node);
        }
        Ok(lock)
    }

    /// Returns whether another owner's lock conflicts: `fcntl(F_GETLK)`.
    pub(crate) fn record_conflict(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        range: (u64, u64),
        kind: LockKind,
        owned_by_description: bool,
    ) -> Result<bool, Errno> {
        let incarnation = self.sched[me].incarnation();
        self.with_file(id, |file, disk, _| {
            let owner = owner(file, incarnation, owned_by_description);
            Ok(disk.record_conflict(file.inode, range, kind, owner).is_some())
        })
    }

    /// Wakes the threads of a node that wait for a file lock, to try again.
    pub(crate) fn locks_changed(&mut self, node: NodeId) {
        for id in self.process[node].threads().to_vec() {
            if self.sched[id].state() == State::Waiting(Wait::FileLock) {
                let cause = self.sched[id].cause();
                self.sched.wake(id, cause);
            }
        }
    }
}

/// The owner of a record lock: the description, or the process.
fn owner(file: &OpenFile, incarnation: u16, owned_by_description: bool) -> Owner {
    if owned_by_description { Owner::Description(file.description) } else { Owner::Process(u64::from(incarnation)) }
}
