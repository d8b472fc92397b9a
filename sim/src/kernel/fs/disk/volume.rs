//! The disk itself: the table of inodes, what they book, and how operations on directories become durable.
//! Operations on files and names are in the other files of this folder.

use super::Errno;
use super::content::Content;
use super::directory::{Directory, Name};
use super::disk_fault::{DiskFault, DiskFaults};
use super::file_kind::Device;
use super::inode::{Inode, Node};
use super::journal::{Change, Journal, Op};
use super::lock::Locks;
use super::number::{InodeId, OpId, ROOT, is_pseudo};
use super::page::{PAGE, Spares};
use super::pseudo::PseudoFiles;
use std::collections::BTreeSet;

/// As large as a common cloud volume, so that no program asks for less before it starts.
const CAPACITY_BYTES: u64 = 64 << 30;

/// A kernel commits its journal every few seconds; a run that never syncs must not remember each operation for ever.
const PENDING_OPS_MAX: usize = 4096;

/// Content of removed files that only a power loss could bring back, at most 64 MiB of it.
const GHOST_PAGES_MAX: u64 = (64 << 20) / PAGE;

/// The disk of one node: visible state in a page cache, durable state on the media below it.
///
/// These survive a power loss, in the strict reading of POSIX:
/// * file data and size: what an `fsync` or `fdatasync` of the file covered;
/// * a name (created, renamed, linked or removed): what an `fsync` of the *directory* covered. On ext4 the `fsync` of a
///   new file also commits its creation; here it does not, because no standard promises it;
/// * anything else may survive or not, and each of those is a choice of [`Disk::power_loss`].
///
/// Permission bits, owners and times are durable at once: no recovery depends on them. The node runs as root, so
/// permission bits refuse nothing except [`Disk::access`] for execution.
///
/// Times are nanoseconds since the Unix epoch, given by the caller. Paths are bytes; a relative one starts at the
/// directory inode `at`. Errors are errnos.
#[derive(Clone)]
pub struct Disk {
    pub(super) dev: u64,
    pub(super) inodes: Vec<Option<Box<Inode>>>,
    pub(super) journal: Journal,
    pub(super) locks: Locks,
    pub(super) spares: Spares,
    pub(super) capacity_pages: u64,
    pub(super) used_pages: u64,
    /// The pages of the files of a fresh machine, which do not count.
    system_pages: u64,
    pub(super) ghost_pages: u64,
    /// Grows at each death, so that a descriptor of an earlier one is refused.
    pub(super) epoch: u64,
    pub(super) descriptions: u64,
    pub(super) faults: DiskFaults,
    pub(super) pseudo: PseudoFiles,
}

/// The state that a power loss could lose now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsynced {
    /// Directory operations that are not durable.
    pub operations: u64,
    /// Dirty pages of files.
    pub pages: u64,
    /// Files whose size is not durable.
    pub sizes: u64,
}

impl std::fmt::Debug for Disk {
    /// Counts only: nobody reads a dump of all the content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk").field("used_pages", &self.used_pages).field("unsynced", &self.unsynced()).finish()
    }
}

impl Disk {
    /// A fresh disk with device number `dev`. It has `/tmp`, `/var/lib`, `/etc`, `/home` and `/dev` with `null`, `zero`,
    /// `urandom` and `random`, all of it durable.
    pub fn new(dev: u64, now_ns: i64) -> Self {
        let mut root = Inode::new(Node::Directory(Directory::new(ROOT, Name::from(&b""[..]))), 0o755, now_ns);
        root.nlink = 2;
        let mut disk = Disk {
            dev,
            inodes: vec![None, None, Some(Box::new(root))],
            journal: Journal::default(),
            locks: Locks::default(),
            spares: Spares::default(),
            capacity_pages: CAPACITY_BYTES / PAGE,
            used_pages: 0,
            system_pages: 0,
            ghost_pages: 0,
            epoch: 0,
            descriptions: 0,
            faults: DiskFaults::default(),
            pseudo: PseudoFiles::default(),
        };
        for (path, mode) in
            [("/tmp", 0o1777), ("/var", 0o755), ("/var/lib", 0o755), ("/etc", 0o755), ("/home", 0o755), ("/dev", 0o755)]
        {
            disk.mkdir(ROOT, path.as_bytes(), mode, now_ns).expect("a fresh disk has space for its own directories");
        }
        let dev_directory = disk.lookup(ROOT, b"/dev", true).expect("/dev was made above");
        for (name, device) in
            [("null", Device::Null), ("zero", Device::Zero), ("urandom", Device::Urandom), ("random", Device::Urandom)]
        {
            disk.create(dev_directory, &Name::from(name.as_bytes()), Node::Device(device), 0o666, now_ns);
        }
        disk.sync_all();
        disk
    }

    /// Keeps an inode alive though all of its names go: one more open description, or a working directory.
    pub fn retain(&mut self, inode: InodeId) {
        if is_pseudo(inode) {
            return; // they exist as long as the process
        }
        self.slot(inode).opens += 1;
    }

    /// Undoes one [`Disk::retain`] or one open; the last one frees a file that has no name any more.
    pub fn release(&mut self, inode: InodeId) {
        if is_pseudo(inode) {
            return;
        }
        let node = self.slot(inode);
        assert!(node.opens > 0, "inode {inode} is released more often than it was retained");
        node.opens -= 1;
        self.collect(inode);
    }

    /// Sets the size of the disk; less than is used already means that it is full.
    pub fn set_capacity(&mut self, bytes: u64) {
        self.capacity_pages = bytes / PAGE;
    }

    /// Sets the device number that `st_dev` shows.
    pub fn set_device_number(&mut self, dev: u64) {
        self.dev = dev;
    }

    /// Lets the files that exist now count as a part of the system, which takes no capacity. The next inode has the number
    /// `first_own`.
    pub(crate) fn set_system_files(&mut self, first_own: InodeId) {
        self.system_pages = self.used_pages;
        assert!(self.inodes.len() as InodeId <= first_own, "the system has {} inodes", self.inodes.len());
        self.inodes.resize_with(first_own as usize, || None);
    }

    /// The pages that count against the capacity.
    fn counted_pages(&self) -> u64 {
        self.used_pages.saturating_sub(self.system_pages)
    }

    /// Bytes that files book, at the grain of pages; unlinked files count while they are open.
    pub fn used_bytes(&self) -> u64 {
        self.counted_pages() * PAGE
    }

    /// Makes everything that the system sees durable, like `sync(2)`. A caller that models write-back calls it now and then.
    /// Returns whether it succeeded: while syncs fail, dirty pages are lost as with [`Disk::fsync`], and names stay pending.
    pub fn sync_all(&mut self) -> bool {
        if self.has_fault(DiskFault::FailingSyncs) {
            for inode in self.inodes.iter_mut().flatten() {
                if let Node::File(content) = &mut inode.node
                    && !content.dirty.is_empty()
                {
                    content.fail_sync();
                    inode.failures.add();
                }
            }
            return false;
        }
        while let Some(oldest) = self.journal.oldest() {
            let together = self.journal.closure_of(oldest);
            self.commit(&together);
        }
        let Disk { inodes, spares, .. } = self;
        for inode in inodes.iter_mut().flatten() {
            if let Node::File(content) = &mut inode.node {
                content.sync(spares);
            }
        }
        true
    }

    /// The paths of all regular files that the system sees, in order.
    pub fn files(&self) -> Vec<Vec<u8>> {
        self.files_by_path().into_iter().map(|(path, _)| path).collect()
    }

    /// The same, with their inodes.
    pub(super) fn files_by_path(&self) -> Vec<(Vec<u8>, InodeId)> {
        let mut found = Vec::new();
        let mut open = vec![(ROOT, Vec::new())];
        while let Some((directory, path)) = open.pop() {
            let Ok(directory) = self.directory(directory) else { continue };
            for (name, entry) in &directory.entries {
                let path = [&path, &b"/"[..], name].concat();
                match self.inode(entry.inode).map(|inode| &inode.node) {
                    Ok(Node::Directory(_)) => open.push((entry.inode, path)),
                    Ok(Node::File(_)) => found.push((path, entry.inode)),
                    _ => {}
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Counts what is not durable.
    pub fn unsynced(&self) -> Unsynced {
        let mut unsynced = Unsynced { operations: self.journal.len() as u64, ..Unsynced::default() };
        for inode in self.inodes.iter().flatten() {
            if let Node::File(content) = &inode.node {
                unsynced.pages += (content.dirty.len() + content.lost.len()) as u64;
                unsynced.sizes += u64::from(!content.sizes.is_empty());
            }
        }
        unsynced
    }

    /// The process that used this disk has ended: its descriptions are closed and its locks released. What it wrote stays in
    /// the page cache. Every [`super::OpenFile`] from before is refused with `EBADF`.
    pub fn process_died(&mut self) {
        self.epoch += 1;
        self.locks = Locks::default();
        for inode in 0..self.inodes.len() as InodeId {
            if let Some(node) = &mut self.inodes[inode as usize]
                && node.opens > 0
            {
                node.opens = 0;
                self.collect(inode);
            }
        }
    }

    pub(crate) fn free_pages(&self) -> u64 {
        match self.has_fault(DiskFault::Full) {
            true => 0,
            false => self.capacity_pages.saturating_sub(self.counted_pages()),
        }
    }

    pub(crate) fn inode(&self, inode: InodeId) -> Result<&Inode, Errno> {
        if is_pseudo(inode) {
            return self.pseudo.inode(inode);
        }
        self.inodes.get(inode as usize).and_then(Option::as_deref).ok_or(libc::EBADF)
    }

    pub(crate) fn inode_mut(&mut self, inode: InodeId) -> Result<&mut Inode, Errno> {
        if is_pseudo(inode) {
            return Err(libc::EPERM);
        }
        self.inodes.get_mut(inode as usize).and_then(Option::as_deref_mut).ok_or(libc::EBADF)
    }

    /// An inode that must be there, because an entry or a count of the disk itself leads to it.
    pub(crate) fn slot(&mut self, inode: InodeId) -> &mut Inode {
        self.inode_mut(inode).unwrap_or_else(|_| panic!("inode {inode} is used after it was freed"))
    }

    pub(crate) fn directory(&self, inode: InodeId) -> Result<&Directory, Errno> {
        match &self.inode(inode)?.node {
            Node::Directory(directory) => Ok(directory),
            _ => Err(libc::ENOTDIR),
        }
    }

    pub(crate) fn directory_slot(&mut self, inode: InodeId) -> &mut Directory {
        match &mut self.slot(inode).node {
            Node::Directory(directory) => directory,
            _ => panic!("inode {inode} is used as a directory but is none"),
        }
    }

    /// Changes the content of a regular file with `change` and books the pages that it took or gave back.
    pub(crate) fn with_content<T>(
        &mut self,
        inode: InodeId,
        change: impl FnOnce(&mut Content, &mut Spares) -> T,
    ) -> Result<T, Errno> {
        if is_pseudo(inode) {
            return Err(libc::EINVAL);
        }
        let Disk { inodes, spares, used_pages, .. } = self;
        let node = inodes.get_mut(inode as usize).and_then(Option::as_deref_mut).ok_or(libc::EBADF)?;
        match &mut node.node {
            // Nobody has it open and nobody can: only a stale number leads here.
            _ if node.ghost => Err(libc::EBADF),
            Node::File(content) => {
                let before = content.allocated();
                let answer = change(content, spares);
                *used_pages = *used_pages + content.allocated() - before;
                Ok(answer)
            }
            Node::Directory(_) => Err(libc::EISDIR),
            _ => Err(libc::EINVAL),
        }
    }

    pub(crate) fn add_inode(&mut self, inode: Inode) -> InodeId {
        self.inodes.push(Some(Box::new(inode)));
        self.inodes.len() as InodeId - 1
    }

    /// Records an operation that the visible directories already show.
    pub(crate) fn pend(&mut self, changes: Vec<Change>, moves_directory: bool, needs: Vec<OpId>) -> OpId {
        for change in &changes {
            if let Some(entry) = change.entry {
                self.slot(entry.inode).anchors += 1;
            }
        }
        self.journal.push(Op { changes, moves_directory, needs })
    }

    /// Lets the oldest operations become durable when too much waits, as a kernel's own commits would.
    pub(crate) fn settle(&mut self) {
        while self.journal.len() > PENDING_OPS_MAX || self.ghost_pages > GHOST_PAGES_MAX {
            let Some(oldest) = self.journal.oldest() else { break };
            let together = self.journal.closure_of(oldest);
            self.commit(&together);
        }
    }

    /// Makes operations durable, in order. The set must be closed: see [`Journal::closure`].
    pub(crate) fn commit(&mut self, ids: &BTreeSet<OpId>) {
        for &id in ids {
            let Some(op) = self.journal.take(id) else { continue };
            for gone in self.apply_durably(&op) {
                self.slot(gone).anchors -= 1;
                self.collect(gone);
            }
        }
    }

    /// Applies an operation to the durable entries; returns the inodes that lost an anchor by it.
    pub(crate) fn apply_durably(&mut self, op: &Op) -> Vec<InodeId> {
        let mut unanchored = Vec::new();
        for change in &op.changes {
            let Ok(Inode { node: Node::Directory(directory), .. }) = self.inode_mut(change.directory) else {
                unanchored.extend(change.entry.map(|entry| entry.inode));
                continue;
            };
            let before = match change.entry {
                Some(entry) => directory.durable.insert(change.name.clone(), entry),
                None => directory.durable.remove(&change.name),
            };
            unanchored.extend(before.map(|entry| entry.inode));
        }
        unanchored
    }

    /// Frees an inode that nothing leads to, or makes it a ghost when only a power loss could bring it back.
    pub(crate) fn collect(&mut self, inode: InodeId) {
        let node = self.slot(inode);
        if node.nlink > 0 || node.opens > 0 {
            return;
        }
        let (pages, was_ghost, anchored) = (node.allocated(), node.ghost, node.anchors > 0);
        node.ghost = true;
        if !was_ghost {
            self.used_pages -= pages;
            self.ghost_pages += pages;
        }
        if !anchored {
            self.ghost_pages -= pages;
            self.locks.forget(inode);
            self.inodes[inode as usize] = None;
        }
    }
}
