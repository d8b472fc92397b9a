//! What is wrong with a device for a while, and what that does to operations: errors, no room, no answer.
//! It ends nothing by itself and lets nobody wait: the caller begins and ends a trouble, and asks whether the device is needed.

use super::content::Content;
use super::inode::{InodeId, Node};
use super::page::{PAGE, Spares};
use super::{Disk, Errno, IoKind};

/// A trouble of the whole device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// What is not in the page cache cannot be read: `EIO`.
    FailingReads,
    /// File data cannot be written, cut or booked: `EIO`, and nothing is changed.
    FailingWrites,
    /// Nothing reaches the media: `EIO` from a sync that had something to do, and what it should have kept is lost.
    FailingSyncs,
    /// No page is free, whatever the capacity says.
    Full,
    /// The device does not answer. The disk itself refuses nothing then: see [`Disk::misses`].
    Stalled,
}

/// How many faults of each kind last, so that the end of one does not end another.
#[derive(Clone, Copy, Default)]
pub(crate) struct Troubles([u32; 5]);

impl Disk {
    /// A trouble begins. With [`Trouble::FailingReads`] the kernel drops what is clean from its page cache, as it may at any
    /// time: otherwise a program whose files were all read once would never notice.
    pub fn begin_trouble(&mut self, trouble: Trouble) {
        self.troubles.0[trouble as usize] += 1;
        if trouble == Trouble::FailingReads {
            for inode in 0..self.inodes.len() as InodeId {
                let _not_a_file = self.evict(inode, 0, u64::MAX);
            }
        }
    }

    /// A trouble ends; of two of one kind, one.
    pub fn end_trouble(&mut self, trouble: Trouble) {
        let lasting = &mut self.troubles.0[trouble as usize];
        *lasting = lasting.saturating_sub(1);
    }

    /// Every trouble ends.
    pub fn end_all_troubles(&mut self) {
        self.troubles = Troubles::default();
    }

    /// Whether a trouble lasts.
    pub fn has_trouble(&self, trouble: Trouble) -> bool {
        self.troubles.0[trouble as usize] > 0
    }

    /// Whether bytes of `offset..offset + len` are on the media only, so that whoever needs them needs the device. After a
    /// power loss this is so of everything, until it is read or written over. What the kernel knows of names, sizes and holes
    /// is always in memory.
    pub fn misses(&self, inode: InodeId, offset: u64, len: u64) -> bool {
        match self.inode(inode).map(|node| &node.node) {
            Ok(Node::File(content)) => content.misses(offset, len),
            _ => false,
        }
    }

    /// The same for a write: whether a page that it changes in part must be read before.
    pub fn write_misses(&self, inode: InodeId, offset: u64, len: u64) -> bool {
        let end = offset.saturating_add(len);
        let first = !offset.is_multiple_of(PAGE) && self.misses(inode, offset, 1);
        let last = !end.is_multiple_of(PAGE) && len > 0 && self.misses(inode, end - 1, 1);
        first || last || (len > 0 && len < PAGE && self.misses(inode, offset, len))
    }

    /// Drops the clean pages of `start..end` from the page cache (`POSIX_FADV_DONTNEED`; a kernel does the same when memory
    /// is short). Pages whose write-back failed count as clean, so this is when their data is gone for good. Errors: `EBADF`;
    /// `EISDIR`, `EINVAL` for what is no file.
    pub fn evict(&mut self, inode: InodeId, start: u64, end: u64) -> Result<(), Errno> {
        self.with_content(inode, |content, spares| content.evict(start / PAGE, end.div_ceil(PAGE), spares))
    }

    /// The error that this operation gives: one that was marked on the inode, once, or one of the whole device.
    pub(crate) fn take_error(&mut self, inode: InodeId, kind: IoKind) -> Result<(), Errno> {
        let (reads, writes) = (self.has_trouble(Trouble::FailingReads), self.has_trouble(Trouble::FailingWrites));
        let syncs = self.has_trouble(Trouble::FailingSyncs) && self.has_unsynced(inode);
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

    /// Whether a sync of this inode would have anything to do.
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
    /// Pages that `offset..offset + len` lies in.
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

    /// These bytes are in the page cache now.
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
