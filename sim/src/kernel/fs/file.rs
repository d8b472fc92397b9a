//! Reading and writing files: the disk behind descriptors, the time that a device takes, the events.
//! It knows no layout of any C structure.

use crate::event::{NodeId, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::fs::disk::{Device, Disk, DiskFault, FileKind, InodeId, Listed, OpenFile, is_pseudo};
use crate::kernel::fs::sync::device_stalled;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::kind::Kind;
use crate::kernel::sched::thread::ThreadId;
use crate::kernel::sink::Sink;

impl Kernel {
    /// The directory that a relative path starts from.
    pub(crate) fn directory(&self, me: ThreadId, fd: i32) -> Result<InodeId, Errno> {
        if fd == libc::AT_FDCWD {
            return Ok(self.process[self.sched[me].node()].storage().working_directory());
        }
        let id = self.describe(me, fd)?;
        match self.process.description(id).map(|description| description.kind()) {
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
        let node = self.sched[me].node();
        let now = self.wall_ns(node);
        self.disk_for_path(me, at, path);
        let owner = &mut self.process[node];
        let mask = owner.storage().umask();
        let mut file = owner.disk().open(at, path, flags, mode & !mask, now)?;
        if is_pseudo(file.inode) {
            self.make_pseudo_file(me, &mut file);
        }
        if flags & libc::O_TRUNC != 0 {
            self.push_image(node, file.inode);
        }
        let path = self.recorder.name(&file.path);
        self.emit(me, What::FileOpened { path });
        let nonblocking = flags & libc::O_NONBLOCK != 0;
        let id = self.process.open(node, nonblocking, Kind::File(file));
        self.install(id)
    }

    /// The disk of the thread's node, ready for this path, and the time of its wall clock.
    pub(crate) fn disk_for_path(&mut self, me: ThreadId, at: InodeId, path: &[u8]) -> (&mut Disk, i64) {
        let node = self.sched[me].node();
        let now = self.wall_ns(node);
        if self.process[node].disk().may_be_pseudo(at, path) {
            self.list_pseudo_files(me);
        }
        (self.process[node].disk(), now)
    }

    /// The entries of an open directory.
    pub(crate) fn directory_list(&mut self, me: ThreadId, id: DescriptionId) -> Result<Vec<Listed>, Errno> {
        if self.with_file(id, |file, _, _| Ok(is_pseudo(file.inode)))? {
            self.list_pseudo_files(me);
        }
        self.with_file(id, |file, disk, _| disk.list(file.inode))
    }

    /// Lends a description's file and its disk, with the time of the node's wall clock.
    pub(crate) fn with_file<R>(
        &mut self,
        id: DescriptionId,
        work: impl FnOnce(&mut OpenFile, &mut Disk, i64) -> Result<R, Errno>,
    ) -> Result<R, Errno> {
        let node = self.process.description(id).ok_or(libc::EBADF)?.node();
        let now = self.wall_ns(node);
        let (description, node) = self.process.description_and_node(id).ok_or(libc::EBADF)?;
        let Kind::File(file) = description.kind_mut() else { return Err(libc::EINVAL) };
        work(file, node.disk(), now)
    }

    /// `read` and `pread`.
    pub(crate) fn file_read(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        offset: Option<u64>,
        into: &mut dyn Sink,
    ) -> Result<Blocking<usize>, Errno> {
        let kind = self.with_file(id, |file, disk, _| disk.kind(file.inode))?;
        if kind == FileKind::Device(Device::Urandom) {
            self.fill_random(me, into);
            return Ok(Blocking::Done(into.len()));
        }
        self.pull_file(id);
        let wanted = into.len() as u64;
        let misses = self.with_file(id, |file, disk, _| {
            Ok(disk.has_fault(DiskFault::Stalled) && disk.misses(file.inode, offset.unwrap_or(file.pos), wanted))
        })?;
        if self.waits_for_device(me, misses) {
            return Ok(device_stalled());
        }
        let outcome = self.with_file(id, |file, disk, _| match offset {
            Some(offset) => file.read_into_at(disk, offset, into),
            None => file.read_into(disk, into),
        });
        let count = self.report_device_error(me, id, outcome)?;
        self.recorder.stir(count as u64);
        Ok(Blocking::Done(count))
    }

    /// `write` and `pwrite`. With `O_SYNC` the caller syncs next.
    pub(super) fn file_write(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        offset: Option<u64>,
        from: &[u8],
    ) -> Result<Blocking<usize>, Errno> {
        let misses = self.with_file(id, |file, disk, _| {
            if !disk.has_fault(DiskFault::Stalled) {
                return Ok(false);
            }
            let offset = if file.append { disk.stat_inode(file.inode)?.size } else { offset.unwrap_or(file.pos) };
            Ok(disk.write_misses(file.inode, offset, from.len() as u64))
        })?;
        if self.waits_for_device(me, misses) {
            return Ok(device_stalled());
        }
        self.pull_file(id);
        let outcome = self.with_file(id, |file, disk, now| file.write_unsynced(disk, offset, from, now));
        self.push_file(id);
        let count = self.report_device_error(me, id, outcome)?;
        self.recorder.stir(count as u64 | 1 << 63);
        self.file_written(me, id);
        Ok(Blocking::Done(count))
    }

    /// `ftruncate`, `fallocate`: changes a file's size or books room for it.
    pub(crate) fn file_resize(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        work: impl FnOnce(&mut OpenFile, &mut Disk, i64) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        self.pull_file(id);
        let outcome = self.with_file(id, work);
        self.push_file(id);
        self.report_device_error(me, id, outcome)?;
        self.file_written(me, id);
        Ok(())
    }

    /// Emits the event of a change to a file's content, unless the thread's last event is a change to the same file.
    fn file_written(&mut self, me: ThreadId, id: DescriptionId) {
        let (node, cause, last) = (self.sched[me].node(), self.sched[me].cause(), self.fs.last_write);
        let file = self.with_file(id, |file, disk, _| {
            let is_new = last != Some((cause, node, file.inode)) && disk.kind(file.inode)? == FileKind::File;
            Ok(is_new.then(|| (file.inode, file.path.clone())))
        });
        let Ok(Some((inode, path))) = file else { return };
        let path = self.recorder.name(&path);
        let seq = self.emit_aside(me, What::FileWritten { path });
        self.fs.last_write = Some((seq, node, inode));
    }

    /// Emits an event if an operation failed because its device did.
    pub(super) fn report_device_error<T>(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        outcome: Result<T, Errno>,
    ) -> Result<T, Errno> {
        if let Err(errno @ (libc::EIO | libc::ENOSPC)) = outcome
            && let Ok(path) = self.with_file(id, |file, _, _| Ok(file.path.clone()))
        {
            let path = self.recorder.name(&path);
            self.emit(me, What::DiskFailed { path, errno });
        }
        outcome
    }

    /// Emits the event of a change to a directory's entries.
    pub(crate) fn entry_changed(&mut self, me: ThreadId, path: &[u8]) {
        let path = self.recorder.name(&String::from_utf8_lossy(path));
        self.emit(me, What::EntryChanged { path });
    }

    /// Before a file is used: takes over what was written to its mappings.
    pub(super) fn pull_file(&mut self, id: DescriptionId) {
        if let Some((node, inode)) = self.mapped_file(id) {
            self.pull_image(node, inode);
        }
    }

    /// After a file was changed: shows the change in its mappings.
    fn push_file(&mut self, id: DescriptionId) {
        if let Some((node, inode)) = self.mapped_file(id) {
            self.push_image(node, inode);
        }
    }

    /// The file of a description, if any file is mapped.
    #[inline]
    fn mapped_file(&mut self, id: DescriptionId) -> Option<(NodeId, InodeId)> {
        if self.fs.images.is_empty() {
            return None;
        }
        let description = self.process.description(id)?;
        match description.kind() {
            Kind::File(file) => Some((description.node(), file.inode)),
            _ => None,
        }
    }

    /// Random bytes for a thread, keyed by the thread and the number of calls it made before.
    pub(crate) fn fill_random(&mut self, me: ThreadId, into: &mut dyn Sink) {
        for at in (0..into.len()).step_by(8) {
            let word = self.sched.entropy(me).to_le_bytes();
            into.put(at, &word[..word.len().min(into.len() - at)]);
        }
    }
}
