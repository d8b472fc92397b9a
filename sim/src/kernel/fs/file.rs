//! Files as a process has them: the disk behind descriptors, with the time that a device takes and who hears of it.
//! It knows no layout of any C structure.

use crate::event::{NodeId, Seq, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Turn;
use crate::kernel::fs::disk::{Device, FileKind, InodeId, Lock, LockKind, OpenFile, Owner, Trouble};
use crate::kernel::process::fd::description::{DescriptionId, Kind};
use crate::kernel::sched::choice::Question;
use crate::kernel::sched::thread::{State, ThreadId, Wait};

/// A caller whose device does not answer waits until somebody says that it does.
fn stalled<T>() -> Turn<T> {
    Turn::Wait(Wait::Stall, u64::MAX)
}

impl Kernel {
    /// The directory that a relative path starts from.
    pub(crate) fn directory(&self, me: ThreadId, fd: i32) -> Result<InodeId, Errno> {
        if fd == libc::AT_FDCWD {
            return Ok(self.process[self.sched.threads[me].node].storage.working_directory());
        }
        let id = self.describe(me, fd)?;
        match self.process.descriptions.get(id).map(|it| &it.kind) {
            Some(Kind::File(file)) => Ok(file.inode),
            _ => Err(libc::ENOTDIR),
        }
    }

    /// `open`.
    pub(crate) fn file_open(
        &mut self,
        me: ThreadId,
        at: InodeId,
        path: &[u8],
        flags: i32,
        mode: u32,
    ) -> Result<i32, Errno> {
        let node = self.sched.threads[me].node;
        let now = self.wall_ns(node);
        let it = &mut self.process[node];
        let mask = it.storage.umask();
        let file = it.disk().open(at, path, flags, mode & !mask, now)?;
        if flags & libc::O_TRUNC != 0 {
            self.push_image(node, file.inode);
        }
        let path = self.recorder.name(&file.path);
        self.emit(me, What::FileOpened { path });
        let nonblocking = flags & libc::O_NONBLOCK != 0;
        let id = self.process.descriptions.add(node, nonblocking, Kind::File(file));
        self.install(id)
    }

    pub(crate) fn file_close(&mut self, node: NodeId, file: OpenFile) {
        let freed = self.process[node].disk().close(file);
        if freed {
            self.locks_changed(node);
        }
    }

    /// Lets whoever waits for a file lock on this node try again.
    pub(crate) fn locks_changed(&mut self, node: NodeId) {
        for id in self.process[node].threads.clone() {
            if self.sched.threads[id].state == State::Waiting(Wait::FileLock) {
                let cause = self.sched.threads[id].cause;
                self.sched.threads.wake(id, cause, &self.sched.choices);
            }
        }
    }

    /// Lends a description's file and its disk.
    pub(crate) fn with_file<R>(
        &mut self,
        id: DescriptionId,
        work: impl FnOnce(&mut OpenFile, &mut crate::kernel::fs::disk::Disk, i64) -> Result<R, Errno>,
    ) -> Result<R, Errno> {
        let node = self.process.descriptions.get(id).ok_or(libc::EBADF)?.node;
        let now = self.wall_ns(node);
        let description = self.process.descriptions.get_mut(id).ok_or(libc::EBADF)?;
        let Kind::File(file) = &mut description.kind else { return Err(libc::EINVAL) };
        work(file, self.process.nodes[description.node].disk(), now)
    }

    /// `read` and `pread`.
    pub(crate) fn file_read(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        offset: Option<u64>,
        into: &mut [u8],
    ) -> Result<Turn<usize>, Errno> {
        let kind = self.with_file(id, |file, disk, _| disk.kind(file.inode))?;
        if kind == FileKind::Device(Device::Urandom) {
            self.fill_random(me, into);
            return Ok(Turn::Done(into.len()));
        }
        self.pull_of(id);
        let wanted = into.len() as u64;
        let misses = self.with_file(id, |file, disk, _| {
            Ok(disk.has_trouble(Trouble::Stalled) && disk.misses(file.inode, offset.unwrap_or(file.pos), wanted))
        })?;
        if self.stalls(me, misses) {
            return Ok(stalled());
        }
        let outcome = self.with_file(id, |file, disk, _| match offset {
            Some(offset) => file.read_at(disk, offset, into),
            None => file.read(disk, into),
        });
        let count = self.device_failed(me, id, outcome)?;
        self.recorder.stir(count as u64);
        Ok(Turn::Done(count))
    }

    /// `write` and `pwrite`. With `O_SYNC` the caller syncs next.
    pub(crate) fn file_write(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        offset: Option<u64>,
        from: &[u8],
    ) -> Result<Turn<usize>, Errno> {
        let misses = self.with_file(id, |file, disk, _| {
            if !disk.has_trouble(Trouble::Stalled) {
                return Ok(false);
            }
            let offset = if file.append { disk.stat_inode(file.inode)?.size } else { offset.unwrap_or(file.pos) };
            Ok(disk.write_misses(file.inode, offset, from.len() as u64))
        })?;
        if self.stalls(me, misses) {
            return Ok(stalled());
        }
        self.pull_of(id);
        let outcome = self.with_file(id, |file, disk, now| file.write_unsynced(disk, offset, from, now));
        self.push_of(id);
        let count = self.device_failed(me, id, outcome)?;
        self.recorder.stir(count as u64 | 1 << 63);
        Ok(Turn::Done(count))
    }

    /// `ftruncate`, `fallocate`: what changes a file's size or books room for it.
    pub(crate) fn file_resize(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        work: impl FnOnce(&mut OpenFile, &mut crate::kernel::fs::disk::Disk, i64) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        self.pull_of(id);
        let outcome = self.with_file(id, work);
        self.push_of(id);
        self.device_failed(me, id, outcome)
    }

    /// `sync_file_range`: the data goes to the device, which is not asked whether it has it.
    pub(crate) fn file_write_back(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        offset: u64,
        len: u64,
    ) -> Result<Turn<()>, Errno> {
        let is_stalled = self.with_file(id, |_, disk, _| Ok(disk.has_trouble(Trouble::Stalled)))?;
        if self.stalls(me, is_stalled) {
            return Ok(stalled());
        }
        self.pull_of(id);
        let outcome = self.with_file(id, |file, disk, _| file.sync_range(disk, offset, len));
        self.device_failed(me, id, outcome).map(Turn::Done)
    }

    /// Tells of an operation that failed because its device did.
    fn device_failed<T>(&mut self, me: ThreadId, id: DescriptionId, outcome: Result<T, Errno>) -> Result<T, Errno> {
        if let Err(errno @ (libc::EIO | libc::ENOSPC)) = outcome
            && let Ok(path) = self.with_file(id, |file, _, _| Ok(file.path.clone()))
        {
            let path = self.recorder.name(&path);
            self.emit(me, What::DiskFailed { path, errno });
        }
        outcome
    }

    /// Lets whoever waits for this node's device go on: it answers again.
    pub(crate) fn device_answers(&mut self, node: NodeId, cause: Seq) {
        for id in self.process[node].threads.clone() {
            if self.sched.threads[id].state == State::Waiting(Wait::Stall) {
                self.sched.threads.wake(id, cause, &self.sched.choices);
            }
        }
    }

    /// The first half of a sync: how long the device will take.
    pub(crate) fn sync_begins(&mut self, me: ThreadId, id: DescriptionId) -> Result<Turn<()>, Errno> {
        self.with_file(id, |_, _, _| Ok(()))?;
        Ok(self.device_begins(me))
    }

    /// The device of the calling node has something to make durable: how long that will take.
    pub(crate) fn device_begins<T>(&mut self, me: ThreadId) -> Turn<T> {
        let node = self.sched.threads[me].node;
        let it = &mut self.process[node];
        let (syncs, (low, high)) = it.storage.next_sync();
        let takes = self.sched.choices.between(Question::Sync, it.key, syncs, low, high) + it.storage.sync_extra_ns();
        #[cfg(feature = "turmoil")]
        let takes = if self.waits_for_devices(me) { takes } else { 0 };
        Turn::Wait(Wait::Device, self.sched.now_ns + takes)
    }

    /// Whether the caller waits for a device that does not answer.
    fn stalls(&self, _me: ThreadId, is_stalled: bool) -> bool {
        #[cfg(feature = "turmoil")]
        return is_stalled && self.waits_for_devices(_me);
        #[cfg(not(feature = "turmoil"))]
        is_stalled
    }

    /// As [`sync_ends`](Self::sync_ends), for a file by its number: `msync`.
    pub(crate) fn inode_synced(&mut self, me: ThreadId, inode: InodeId, began_ns: u64) -> Result<Turn<()>, Errno> {
        let node = self.sched.threads[me].node;
        let is_stalled = self.process[node].disk().has_trouble(Trouble::Stalled);
        if self.stalls(me, is_stalled) {
            return Ok(stalled());
        }
        let outcome = self.process[node].disk().fsync(inode);
        let path = self.recorder.name(&format!("mapping of inode {inode}"));
        match outcome {
            Ok(()) => self.emit(me, What::FileSynced { path, took_ns: self.sched.now_ns - began_ns }),
            Err(errno) => self.emit(me, What::DiskFailed { path, errno }),
        };
        outcome.map(Turn::Done)
    }

    /// Before anybody looks at a file: what was written to its mappings is in it.
    fn pull_of(&mut self, id: DescriptionId) {
        if !self.fs.images.is_empty()
            && let Some(node) = self.process.descriptions.get(id).map(|it| it.node)
            && let Ok(inode) = self.with_file(id, |file, _, _| Ok(file.inode))
        {
            self.pull(node, inode);
        }
    }

    /// After somebody changed a file: its mappings show it.
    fn push_of(&mut self, id: DescriptionId) {
        if !self.fs.images.is_empty()
            && let Some(node) = self.process.descriptions.get(id).map(|it| it.node)
            && let Ok(inode) = self.with_file(id, |file, _, _| Ok(file.inode))
        {
            self.push_image(node, inode);
        }
    }

    /// The second half: what was dirty is durable now, unless the device stalls or fails.
    pub(crate) fn sync_ends(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        work: impl FnOnce(&mut OpenFile, &mut crate::kernel::fs::disk::Disk) -> Result<(), Errno>,
        began_ns: u64,
    ) -> Result<Turn<()>, Errno> {
        let is_stalled = self.with_file(id, |_, disk, _| Ok(disk.has_trouble(Trouble::Stalled)))?;
        if self.stalls(me, is_stalled) {
            return Ok(stalled());
        }
        self.pull_of(id);
        let outcome = self.with_file(id, |file, disk, _| work(file, disk).map(|()| file.path.clone()));
        let path = self.device_failed(me, id, outcome)?;
        let path = self.recorder.name(&path);
        let took_ns = self.sched.now_ns - began_ns;
        self.emit(me, What::FileSynced { path, took_ns });
        Ok(Turn::Done(()))
    }

    /// A change of directory entries, already done, is told.
    pub(crate) fn entry_changed(&mut self, me: ThreadId, path: &[u8]) {
        let path = self.recorder.name(&String::from_utf8_lossy(path));
        self.emit(me, What::EntryChanged { path });
    }

    /// One step of `flock`.
    pub(crate) fn file_lock(&mut self, me: ThreadId, id: DescriptionId, operation: i32) -> Result<Turn<()>, Errno> {
        let node = self.sched.threads[me].node;
        let kind = match operation & !libc::LOCK_NB {
            libc::LOCK_SH => LockKind::Shared,
            libc::LOCK_EX => LockKind::Exclusive,
            libc::LOCK_UN => {
                let freed = self.with_file(id, |file, disk, _| Ok(disk.funlock(file.inode, file.description)))?;
                if freed {
                    self.locks_changed(node);
                }
                return Ok(Turn::Done(()));
            }
            _ => return Err(libc::EINVAL),
        };
        match self.with_file(id, |file, disk, _| disk.flock(file.inode, file.description, kind))? {
            Lock::Granted => Ok(Turn::Done(())),
            Lock::Held if operation & libc::LOCK_NB != 0 => Err(libc::EWOULDBLOCK),
            Lock::Held => Ok(Turn::Wait(Wait::FileLock, u64::MAX)),
        }
    }

    /// One step of `fcntl(F_SETLK)` and its kin; `range` is start and end.
    pub(crate) fn record_lock(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        range: (u64, u64),
        kind: Option<LockKind>,
        owned_by_description: bool,
    ) -> Result<Lock, Errno> {
        let node = self.sched.threads[me].node;
        let process = u64::from(self.sched.threads[me].incarnation);
        let (freed, lock) = self.with_file(id, |file, disk, _| {
            let owner =
                if owned_by_description { Owner::Description(file.description) } else { Owner::Process(process) };
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

    /// Whether somebody else's lock is in the way: `fcntl(F_GETLK)`.
    pub(crate) fn record_conflict(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        range: (u64, u64),
        kind: LockKind,
        owned_by_description: bool,
    ) -> Result<bool, Errno> {
        let process = u64::from(self.sched.threads[me].incarnation);
        self.with_file(id, |file, disk, _| {
            let owner =
                if owned_by_description { Owner::Description(file.description) } else { Owner::Process(process) };
            Ok(disk.record_conflict(file.inode, range, kind, owner).is_some())
        })
    }

    /// Random bytes for a thread: keyed by the thread and how many calls it made before.
    pub(crate) fn fill_random(&mut self, me: ThreadId, into: &mut [u8]) {
        let thread = &mut self.sched.threads[me];
        let key = thread.key;
        for chunk in into.chunks_mut(8) {
            let word = self.sched.choices.draw(Question::Entropy, key, thread.entropy).to_le_bytes();
            thread.entropy += 1;
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}
