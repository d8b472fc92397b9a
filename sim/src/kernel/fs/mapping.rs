//! Mapping files into memory: the image of a file and its page cache are made equal where one of them is used.
//! The interposed functions make the real mapping. An image is pulled before anything looks at its file, and at the end of
//! the process, since a kernel keeps dirty mapped pages of a process that is killed.

use crate::event::NodeId;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::fs::disk::{FileKind, InodeId};
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::sched::thread::ThreadId;

impl Kernel {
    /// The file to map. Fails with `ENODEV` for what cannot be mapped, and `EACCES` if the descriptor is not open for that.
    pub(crate) fn mappable(&mut self, id: DescriptionId, writes: bool) -> Result<InodeId, Errno> {
        self.with_file(id, |file, disk, _| match disk.kind(file.inode)? {
            FileKind::File if file.made.is_some() => Err(libc::ENODEV),
            FileKind::File if !file.readable || (writes && !file.writable) => Err(libc::EACCES),
            FileKind::File => Ok(file.inode),
            _ => Err(libc::ENODEV),
        })
    }

    /// The descriptor of the shared memory of a file, at least `end` bytes of it, for the real mapping.
    pub(crate) fn image(&mut self, me: ThreadId, inode: InodeId, end: u64, writes: bool) -> Result<i32, Errno> {
        let node = self.sched[me].node();
        self.pull_image(node, inode);
        let disk = self.process[node].disk();
        let size = disk.stat_inode(inode)?.size.max(end);
        let fd = self.fs.images.open(disk, node, inode, size, writes)?;
        self.push_image(node, inode);
        Ok(fd)
    }

    /// A mapping was made.
    pub(crate) fn mapped(&mut self, me: ThreadId, inode: InodeId, address: usize, len: usize) {
        self.fs.images.map(self.sched[me].node(), inode, address, len);
    }

    /// Returns whether an address lies in a mapping of the calling process.
    pub(crate) fn is_mapped(&self, me: ThreadId, address: usize) -> bool {
        self.fs.images.contain(self.sched[me].node(), address)
    }

    /// Memory was unmapped, and with it the mappings that lie wholly in it.
    pub(crate) fn unmapped(&mut self, me: ThreadId, address: usize, len: usize) {
        let node = self.sched[me].node();
        for inode in self.fs.images.within(node, address, len) {
            self.pull_image(node, inode);
            if self.fs.images.unmap(node, inode, address, len) {
                self.process[node].disk().release(inode);
            }
        }
    }

    /// The files with a mapping that touches this memory: `msync`.
    pub(crate) fn mapped_at(&self, me: ThreadId, address: usize, len: usize) -> Vec<InodeId> {
        self.fs.images.touching(self.sched[me].node(), address, len)
    }

    /// Copies what a process wrote to its mapping of a file into the page cache.
    pub(crate) fn pull_image(&mut self, node: NodeId, inode: InodeId) {
        if self.fs.images.is_empty() {
            return;
        }
        let now_ns = self.wall_ns(node);
        self.fs.images.pull(self.process[node].disk(), node, inode, now_ns);
    }

    /// Copies the page cache of a file into its mappings.
    pub(crate) fn push_image(&mut self, node: NodeId, inode: InodeId) {
        if !self.fs.images.is_empty() {
            self.fs.images.push(self.process[node].disk(), node, inode);
        }
    }

    /// Every mapped file of a node.
    pub(crate) fn mapped_files(&self, node: NodeId) -> Vec<InodeId> {
        self.fs.images.of_node(node)
    }

    /// A process has ended: what it wrote stays, its mappings do not.
    pub(crate) fn forget_mappings(&mut self, node: NodeId) {
        for inode in self.mapped_files(node) {
            self.pull_image(node, inode);
        }
        self.fs.images.forget(node);
    }
}
