//! Operations on the data of an open inode: read, write, truncate, allocate, seek, sync.
//! They know offsets, not positions: a description's position is in `open`.

use super::disk_fault::DiskFault;
use super::file_kind::{Device, FileKind, IoKind};
use super::inode::Node;
use super::number::{InodeId, is_pseudo};
use super::page::PAGE;
use super::{Disk, Errno};
use crate::kernel::sink::Sink;

/// The largest file of ext4 with pages of 4 KiB: 16 TiB.
const FILE_BYTES_MAX: u64 = 16 << 40;

impl Disk {
    /// Reads from `offset` into `into`; returns the number of bytes. Errors: `EISDIR`, `EINVAL` for a symbolic
    /// link, and a marked error.
    ///
    /// # Panics
    /// On `/dev/urandom`: the caller checks [`Disk::kind`] and answers such reads, because the disk draws no random bytes.
    pub fn read_at(&mut self, inode: InodeId, offset: u64, mut into: &mut [u8]) -> Result<usize, Errno> {
        self.read_into_at(inode, offset, &mut into)
    }

    /// As [`Disk::read_at`], into any destination.
    pub(crate) fn read_into_at(&mut self, inode: InodeId, offset: u64, into: &mut dyn Sink) -> Result<usize, Errno> {
        // Bytes in the page cache do not need the failing device; a mark fails in any case.
        if self.inode(inode)?.marks[IoKind::Read as usize] != 0 || self.misses(inode, offset, into.len() as u64) {
            self.take_error(inode, IoKind::Read)?;
        }
        match &mut self.slot(inode).node {
            Node::File(content) => {
                let count = content.read(offset, into);
                content.warm(offset, count as u64);
                Ok(count)
            }
            Node::Directory(_) => Err(libc::EISDIR),
            Node::Symlink(_) | Node::Socket | Node::Pseudo(_) => Err(libc::EINVAL),
            Node::Device(Device::Null) => Ok(0),
            Node::Device(Device::Zero) => {
                into.put_zeros(0..into.len());
                Ok(into.len())
            }
            Node::Device(Device::Urandom) => panic!("reads of /dev/urandom are answered by the caller of the disk"),
        }
    }

    /// Writes `data` at `offset`; returns the number of bytes that fitted. Errors: `ENOSPC` when not even one did, `EFBIG`,
    /// `EISDIR`, and an error that was marked (then nothing is written).
    pub fn write_at(&mut self, inode: InodeId, offset: u64, data: &[u8], now_ns: i64) -> Result<usize, Errno> {
        let free = self.free_pages();
        self.take_error(inode, IoKind::Write)?;
        if self.has_fault(DiskFault::FailingReads) && self.write_misses(inode, offset, data.len() as u64) {
            return Err(libc::EIO);
        }
        let node = self.inode_mut(inode)?;
        if matches!(node.node, Node::Device(_)) || (data.is_empty() && matches!(node.node, Node::File(_))) {
            return Ok(data.len());
        }
        if offset >= FILE_BYTES_MAX {
            return Err(libc::EFBIG);
        }
        let room = usize::try_from(FILE_BYTES_MAX - offset).unwrap_or(usize::MAX);
        let data = &data[..data.len().min(room)];
        (node.times.modified_ns, node.times.changed_ns) = (now_ns, now_ns);
        self.with_content(inode, |content, spares| {
            let len = content.fitting(offset, data.len(), free);
            content.write(offset, &data[..len], spares);
            if len > 0 { Ok(len) } else { Err(libc::ENOSPC) }
        })?
    }

    /// Writes `data` at the end; returns its offset and the number of bytes that fitted. Errors: as for [`Disk::write_at`].
    pub fn append(&mut self, inode: InodeId, data: &[u8], now_ns: i64) -> Result<(u64, usize), Errno> {
        let end = match &self.inode(inode)?.node {
            Node::File(content) => content.size,
            _ => 0,
        };
        Ok((end, self.write_at(inode, end, data, now_ns)?))
    }

    /// Sets the size: bytes beyond it are lost, new ones read as zero. Errors: `EISDIR`, `EINVAL` for other inodes that are
    /// no regular file, `EFBIG`.
    pub fn truncate(&mut self, inode: InodeId, size: u64, now_ns: i64) -> Result<(), Errno> {
        if size > FILE_BYTES_MAX {
            return Err(libc::EFBIG);
        }
        if self.inode(inode)?.kind() == FileKind::File && self.has_fault(DiskFault::FailingWrites) {
            return Err(libc::EIO);
        }
        self.with_content(inode, |content, spares| content.truncate(size, spares))?;
        let times = &mut self.slot(inode).times;
        (times.modified_ns, times.changed_ns) = (now_ns, now_ns);
        Ok(())
    }

    /// `fallocate(2)`: books `offset..offset + len` (mode 0 or `FALLOC_FL_KEEP_SIZE`), makes a hole of it
    /// (`FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE`), or makes it zero (`FALLOC_FL_ZERO_RANGE`, with or without
    /// `FALLOC_FL_KEEP_SIZE`). Errors: `ENOSPC`, `EFBIG`, `EINVAL` for an empty range, `EOPNOTSUPP` for other modes,
    /// `ENODEV` for what is no file.
    pub fn allocate(&mut self, inode: InodeId, mode: i32, offset: u64, len: u64, now_ns: i64) -> Result<(), Errno> {
        const ZERO: i32 = libc::FALLOC_FL_ZERO_RANGE;
        const KEEP: i32 = libc::FALLOC_FL_KEEP_SIZE;
        const PUNCH: i32 = libc::FALLOC_FL_PUNCH_HOLE | KEEP;
        if len == 0 {
            return Err(libc::EINVAL);
        }
        let end = offset.checked_add(len).filter(|end| *end <= FILE_BYTES_MAX).ok_or(libc::EFBIG)?;
        if self.inode(inode)?.kind() != FileKind::File {
            return Err(libc::ENODEV);
        }
        if ![0, KEEP, PUNCH, ZERO, ZERO | KEEP].contains(&mode) {
            return Err(libc::EOPNOTSUPP);
        }
        if self.has_fault(DiskFault::FailingWrites) {
            return Err(libc::EIO);
        }
        let free = self.free_pages();
        let (first, last) = (offset / PAGE, end.div_ceil(PAGE));
        self.with_content(inode, |content, spares| {
            if mode != PUNCH && content.unallocated(first, last) > free {
                return Err(libc::ENOSPC);
            }
            if mode & (libc::FALLOC_FL_PUNCH_HOLE | ZERO) != 0 {
                content.zero(offset, end, spares);
            }
            if mode == PUNCH {
                content.reserved.remove(offset.div_ceil(PAGE), end / PAGE);
                return Ok(());
            }
            content.reserve(first, last);
            if mode & KEEP == 0 {
                content.extend_to(end);
            }
            Ok(())
        })??;
        let times = &mut self.slot(inode).times;
        (times.modified_ns, times.changed_ns) = (now_ns, now_ns);
        Ok(())
    }

    /// Takes over the bytes that a process wrote to a mapping of the file, within its size, where they differ. A mapped page
    /// needs no space on the disk before it is written back, so none is checked.
    pub fn absorb(&mut self, inode: InodeId, offset: u64, data: &[u8], now_ns: i64) {
        let changed = self.with_content(inode, |content, spares| {
            let mut now = vec![0; data.len()];
            let same = content.read(offset, &mut &mut now[..]) == data.len() && now == data;
            if !same {
                content.write(offset, data, spares);
            }
            !same
        });
        if changed == Ok(true) {
            let times = &mut self.slot(inode).times;
            (times.modified_ns, times.changed_ns) = (now_ns, now_ns);
        }
    }

    /// Copies the bytes at `offset` for a mapping of the file, zeros beyond its end, without the device.
    pub fn peek(&self, inode: InodeId, offset: u64, mut into: &mut [u8]) {
        into.fill(0);
        if let Ok(Node::File(content)) = self.inode(inode).map(|node| &node.node) {
            content.read(offset, &mut into);
        }
    }

    /// The first offset from `offset` on that has data, at the grain of pages (`SEEK_DATA`). Errors: `ENXIO` when none
    /// follows, `EINVAL` for what is no file.
    pub fn seek_data(&self, inode: InodeId, offset: u64) -> Result<u64, Errno> {
        match &self.inode(inode)?.node {
            Node::File(content) if offset < content.size => content.next_data(offset).ok_or(libc::ENXIO),
            Node::File(_) => Err(libc::ENXIO),
            _ => Err(libc::EINVAL),
        }
    }

    /// The first offset from `offset` on that is in a hole; the end of the file is one (`SEEK_HOLE`). Errors: as for
    /// [`Disk::seek_data`].
    pub fn seek_hole(&self, inode: InodeId, offset: u64) -> Result<u64, Errno> {
        match &self.inode(inode)?.node {
            Node::File(content) if offset < content.size => Ok(content.next_hole(offset)),
            Node::File(_) => Err(libc::ENXIO),
            _ => Err(libc::EINVAL),
        }
    }

    /// Makes a file's data and size durable, or a directory's entries. A move between directories becomes durable in
    /// both, with whatever came before it there. Errors: `EINVAL` for links and devices; an error that was marked, and
    /// then a file's dirty pages count as clean though the media keep the old ones, as on Linux: the next `fsync`
    /// succeeds and does not bring them back. Other descriptions of the file learn of it through [`super::OpenFile::sync`].
    pub fn fsync(&mut self, inode: InodeId) -> Result<(), Errno> {
        if is_pseudo(inode) {
            return Err(libc::EINVAL);
        }
        let outcome = self.take_error(inode, IoKind::Sync);
        match &self.inode(inode)?.node {
            Node::File(_) => {
                self.with_content(inode, |content, spares| match outcome {
                    Ok(()) => content.sync(spares),
                    Err(_) => content.fail_sync(),
                })?;
                if outcome.is_err() {
                    self.slot(inode).failures.add();
                }
                outcome
            }
            Node::Directory(_) if outcome.is_err() => outcome,
            Node::Directory(_) => {
                if let Some(last) = self.journal.last_of(inode) {
                    let together = self.journal.closure(inode, last);
                    self.commit(&together);
                }
                Ok(())
            }
            _ => Err(libc::EINVAL),
        }
    }

    /// Makes a file's data and size durable. As [`Disk::fsync`]: attributes, which it may leave out, are durable anyway.
    pub fn fdatasync(&mut self, inode: InodeId) -> Result<(), Errno> {
        self.fsync(inode)
    }

    /// Writes back the data of `offset..offset + len` (`len` 0: to the end), but neither size nor allocation: what lies
    /// beyond the durable size, or where the media have a hole, stays unsynced. Errors: as for [`Disk::fsync`];
    /// `ESPIPE` for links and devices.
    pub fn sync_file_range(&mut self, inode: InodeId, offset: u64, len: u64) -> Result<(), Errno> {
        let node = self.inode(inode)?;
        match node.kind() {
            FileKind::File => {}
            FileKind::Directory => return Ok(()),
            _ => return Err(libc::ESPIPE),
        }
        if node.marks[IoKind::Sync as usize] != 0 || self.has_fault(DiskFault::FailingSyncs) {
            return self.fsync(inode);
        }
        let end = if len == 0 { u64::MAX } else { offset.saturating_add(len) };
        self.with_content(inode, |content, spares| content.sync_range(offset, end, spares))
    }
}
