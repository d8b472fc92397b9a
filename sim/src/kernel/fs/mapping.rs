//! Files mapped into memory: one image of shared memory for each file that a process has mapped, kept equal to its pages.
//! It maps nothing itself; the doors do, and say so here. What an image has and the page cache has not is pulled before
//! anything looks at the file, and at the process's end, since a kernel keeps dirty mapped pages when a process is killed.

use crate::event::NodeId;
use crate::host::system::SharedMemory;
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::fs::disk::{FileKind, InodeId, PAGE_BYTES};
use crate::kernel::process::fd::description::DescriptionId;
use crate::kernel::sched::thread::ThreadId;

/// The memory behind all shared mappings of one file.
pub(crate) struct Image {
    node: NodeId,
    inode: InodeId,
    memory: SharedMemory,
    /// Whether any mapping of it was ever made for writing: else it has nothing that the file has not.
    writable: bool,
    /// Where it is mapped: address and length.
    places: Vec<(usize, usize)>,
}

impl Kernel {
    /// What is to be mapped: the file's node and number. Errors: `ENODEV` for what cannot be mapped, `EACCES` for one that is
    /// not open for that.
    pub(crate) fn mappable(&mut self, id: DescriptionId, writes: bool) -> Result<InodeId, Errno> {
        self.with_file(id, |file, disk, _| match disk.kind(file.inode)? {
            FileKind::File if !file.readable || (writes && !file.writable) => Err(libc::EACCES),
            FileKind::File => Ok(file.inode),
            _ => Err(libc::ENODEV),
        })
    }

    /// The descriptor of the shared memory of a file, at least `end` bytes of it: for the real mapping.
    pub(crate) fn image(&mut self, me: ThreadId, inode: InodeId, end: u64, writes: bool) -> Result<i32, Errno> {
        let node = self.sched.threads[me].node;
        self.pull(node, inode);
        let disk = self.process[node].disk();
        let size = disk.stat_inode(inode)?.size.max(end);
        let index = match self.fs.images.iter().position(|it| (it.node, it.inode) == (node, inode)) {
            Some(index) => index,
            None => {
                let memory = SharedMemory::new()?;
                disk.retain(inode);
                self.fs.images.push(Image { node, inode, memory, writable: false, places: Vec::new() });
                self.fs.images.len() - 1
            }
        };
        let image = &mut self.fs.images[index];
        image.writable |= writes;
        image.memory.grow(size)?;
        let fd = image.memory.descriptor();
        self.push_image(node, inode);
        Ok(fd)
    }

    /// A mapping was made.
    pub(crate) fn mapped(&mut self, me: ThreadId, inode: InodeId, address: usize, len: usize) {
        let node = self.sched.threads[me].node;
        if let Some(image) = self.fs.images.iter_mut().find(|it| (it.node, it.inode) == (node, inode)) {
            image.places.push((address, len));
        }
    }

    /// Whether this address lies in a mapping of the calling process.
    pub(crate) fn is_mapped(&self, me: ThreadId, address: usize) -> bool {
        let node = self.sched.threads[me].node;
        let within = |&(start, len): &(usize, usize)| (start..start + len).contains(&address);
        self.fs.images.iter().any(|it| it.node == node && it.places.iter().any(within))
    }

    /// Memory was given back: what lies wholly in it is mapped no more. The last mapping of a file takes its image along.
    pub(crate) fn unmapped(&mut self, me: ThreadId, address: usize, len: usize) {
        let node = self.sched.threads[me].node;
        let end = address.saturating_add(len);
        let gone = |&(start, bytes): &(usize, usize)| address <= start && start + bytes <= end;
        let touched: Vec<InodeId> = self
            .fs
            .images
            .iter()
            .filter(|it| it.node == node && it.places.iter().any(gone))
            .map(|it| it.inode)
            .collect();
        for inode in touched {
            self.pull(node, inode);
            let Some(index) = self.fs.images.iter().position(|it| (it.node, it.inode) == (node, inode)) else {
                continue;
            };
            self.fs.images[index].places.retain(|place| !gone(place));
            if self.fs.images[index].places.is_empty() {
                self.fs.images.remove(index);
                self.process[node].disk().release(inode);
            }
        }
    }

    /// The files with mappings that touch this memory: `msync`.
    pub(crate) fn mapped_at(&self, me: ThreadId, address: usize, len: usize) -> Vec<InodeId> {
        let node = self.sched.threads[me].node;
        let touches = |&(start, bytes): &(usize, usize)| start < address.saturating_add(len) && address < start + bytes;
        self.fs.images.iter().filter(|it| it.node == node && it.places.iter().any(touches)).map(|it| it.inode).collect()
    }

    /// What a process wrote to its mapping of this file becomes what is in the page cache.
    pub(crate) fn pull(&mut self, node: NodeId, inode: InodeId) {
        if self.fs.images.is_empty() {
            return;
        }
        let now = self.wall_ns(node);
        let Some(image) = self.fs.images.iter().find(|it| (it.node, it.inode) == (node, inode) && it.writable) else {
            return;
        };
        let disk = self.process[node].disk();
        let Ok(stat) = disk.stat_inode(inode) else { return };
        let mut page = [0; PAGE_BYTES];
        for start in (0..stat.size).step_by(PAGE_BYTES) {
            let len = (stat.size - start).min(PAGE_BYTES as u64) as usize;
            image.memory.read(start, &mut page[..len]);
            disk.absorb(inode, start, &page[..len], now);
        }
    }

    /// What is in the page cache becomes what mappings of this file show.
    pub(crate) fn push_image(&mut self, node: NodeId, inode: InodeId) {
        let Some(image) = self.fs.images.iter_mut().find(|it| (it.node, it.inode) == (node, inode)) else { return };
        let disk = self.process[node].disk();
        let Ok(stat) = disk.stat_inode(inode) else { return };
        let mut page = [0; PAGE_BYTES];
        // Beyond the end of the file there is nothing but zeros.
        let end = image.memory.len().max(stat.size);
        if image.memory.grow(stat.size).is_err() {
            return;
        }
        for start in (0..end).step_by(PAGE_BYTES) {
            disk.peek(inode, start, &mut page);
            image.memory.write(start, &page[..(end - start).min(PAGE_BYTES as u64) as usize]);
        }
    }

    /// All mapped files of a node: for `sync`, and for what cuts files by their paths.
    pub(crate) fn mapped_files(&self, node: NodeId) -> Vec<InodeId> {
        self.fs.images.iter().filter(|it| it.node == node).map(|it| it.inode).collect()
    }

    /// A process is gone: what it wrote stays, its mappings do not.
    pub(crate) fn forget_mappings(&mut self, node: NodeId) {
        for inode in self.mapped_files(node) {
            self.pull(node, inode);
        }
        self.fs.images.retain(|it| it.node != node);
    }
}
