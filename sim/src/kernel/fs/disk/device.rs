//! The device below the page cache: reads that miss it, eviction, and the effects of a fault.
//! The caller injects and clears faults, and waits for a device that does not answer.

use super::content::Content;
use super::disk_fault::{DiskFault, DiskFaults};
use super::file_kind::IoKind;
use super::inode::Node;
use super::number::InodeId;
use super::page::{PAGE, Spares};
use super::{Disk, Errno};

impl Disk {
    /// Injects a fault. With [`DiskFault::FailingReads`] the kernel also drops the clean pages from its page cache, as it may
    /// at any time: otherwise a program that has read its files once would never notice.
    pub fn inject_fault(&mut self, fault: DiskFault) {
        self.faults.0[fault as usize] += 1;
        if fault == DiskFault::FailingReads {
            for inode in 0..self.inodes.len() as InodeId {
                let _not_a_file = self.evict(inode, 0, u64::MAX);
            }
        }
    }

    /// Clears a fault; of two of one kind, one.
    pub fn clear_fault(&mut self, fault: DiskFault) {
        let lasting = &mut self.faults.0[fault as usize];
        *lasting = lasting.saturating_sub(1);
    }

    /// Clears every fault.
    pub fn clear_faults(&mut self) {
        self.faults = DiskFaults::default();
    }

    /// Returns whether a fault of this kind is active.
    pub fn has_fault(&self, fault: DiskFault) -> bool {
        self.faults.0[fault as usize] > 0
    }

    /// Returns whether bytes of `offset..offset + len` are on the media only, so that reading them needs the device. After a
    /// power loss all bytes are, until they are read or overwritten. Names, sizes and holes are always in memory.
    pub fn misses(&self, inode: InodeId, offset: u64, len: u64) -> bool {
        match self.inode(inode).map(|node| &node.node) {
            Ok(Node::File(content)) => content.misses(offset, len),
            _ => false,
        }
    }

    /// The same for a write: returns whether it changes a page in part that must be read before.
    pub fn write_misses(&self, inode: InodeId, offset: u64, len: u64) -> bool {
        let end = offset.saturating_add(len);
        let first = !offset.is_multiple_of(PAGE) && self.misses(inode, offset, 1);
        let last = !end.is_multiple_of(PAGE) && len > 0 && self.misses(inode, end - 1, 1);
        first || last || (len > 0 && len < PAGE && self.misses(inode, offset, len))
    }

    /// Drops the clean pages of `start..end` from the page cache (`POSIX_FADV_DONTNEED`; a kernel does the same when memory
    /// is short). Pages whose write-back failed count as clean: now their data is lost. Errors: `EBADF`; `EISDIR` for a
    /// directory; `EINVAL` for other inodes that are no regular file.
    pub fn evict(&mut self, inode: InodeId, start: u64, end: u64) -> Result<(), Errno> {
        self.with_content(inode, |content, spares| content.evict(start / PAGE, end.div_ceil(PAGE), spares))
    }

    /// The error of this operation: the one that was marked on the inode, once, or one of the device.
    pub(crate) fn take_error(&mut self, inode: InodeId, kind: IoKind) -> Result<(), Errno> {
        let (reads, writes) = (self.has_fault(DiskFault::FailingReads), self.has_fault(DiskFault::FailingWrites));
        let syncs = self.has_fault(DiskFault::FailingSyncs) && self.has_unsynced(inode);
        let node = self.inode_mut(inode)?;
        let mark = std::mem::take(&mut node.marks[kind as usize]);
        let device = match kind {
            IoKind::Read => reads,
            IoKind::Write => writes,
            IoKind::Sync => syncs,
        };
        match mark {
            0 if device && matches!(node.node, Node::File(_) | Node::Directory(_)) => Err(libc::EIO),
            0 => Ok(()),
            errno => Err(errno),
        }
    }

    /// Returns whether a sync of this inode has anything to do.
    fn has_unsynced(&self, inode: InodeId) -> bool {
        match self.inode(inode).map(|node| &node.node) {
            // After a failed write-back the file counts as clean, its size included.
            Ok(Node::File(content)) => {
                !content.dirty.is_empty() || (content.lost.is_empty() && !content.sizes.is_empty())
            }
            Ok(Node::Directory(_)) => self.journal.last_of(inode).is_some(),
            _ => false,
        }
    }
}

impl Content {
    /// The pages that `offset..offset + len` touches.
    fn pages_of(offset: u64, len: u64) -> (u64, u64) {
        (offset / PAGE, offset.saturating_add(len).div_ceil(PAGE))
    }

    fn misses(&self, offset: u64, len: u64) -> bool {
        if self.cold.pages() == 0 {
            return false;
        }
        let (first, end) = Self::pages_of(offset, len.min(self.size.saturating_sub(offset)));
        len > 0 && offset < self.size && self.cold.pages_within(first, end) > 0
    }

    /// Notes that these bytes are in the page cache.
    pub(crate) fn warm(&mut self, offset: u64, len: u64) {
        let (first, end) = Self::pages_of(offset, len);
        self.cold.remove(first, end);
    }

    fn evict(&mut self, start: u64, end: u64, spares: &mut Spares) {
        for index in self.lost.range(start..end).map(|(&index, _)| index).collect::<Vec<_>>() {
            if let Some(side) = self.lost.remove(&index) {
                self.revert(index, side, spares);
            }
        }
        self.cold.insert(start, end.min(self.size.div_ceil(PAGE)));
        for &index in self.dirty.range(start..end).map(|(index, _)| index) {
            self.cold.remove(index, index + 1);
        }
    }
}
