//! Files that are mapped into memory: one image of shared memory for each, however often it is mapped.
//! It does not decide when an image and the page cache are made equal: `mapping` does.

use crate::event::NodeId;
use crate::host::shared_memory::SharedMemory;
use crate::kernel::Errno;
use crate::kernel::fs::disk::{Disk, InodeId, PAGE_BYTES};

/// The memory behind all shared mappings of one file.
struct Image {
    node: NodeId,
    inode: InodeId,
    memory: SharedMemory,
    /// It was mapped for writing at least once; otherwise it has nothing that the file has not.
    writable: bool,
    /// The address and length of each mapping.
    mappings: Vec<(usize, usize)>,
}

/// The image of every mapped file.
#[derive(Default)]
pub(crate) struct Images {
    all: Vec<Image>,
}

impl Images {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    fn find(&self, node: NodeId, inode: InodeId) -> Option<usize> {
        self.all.iter().position(|image| (image.node, image.inode) == (node, inode))
    }

    /// Opens the image of a file, at least `size` bytes of it. Returns the descriptor of its memory.
    pub(super) fn open(
        &mut self,
        disk: &mut Disk,
        node: NodeId,
        inode: InodeId,
        size: u64,
        writes: bool,
    ) -> Result<i32, Errno> {
        let index = match self.find(node, inode) {
            Some(index) => index,
            None => {
                let memory = SharedMemory::new()?;
                disk.retain(inode);
                self.all.push(Image { node, inode, memory, writable: false, mappings: Vec::new() });
                self.all.len() - 1
            }
        };
        let image = &mut self.all[index];
        image.writable |= writes;
        image.memory.grow(size)?;
        Ok(image.memory.descriptor())
    }

    /// Adds a mapping of a file.
    pub(super) fn map(&mut self, node: NodeId, inode: InodeId, address: usize, len: usize) {
        if let Some(index) = self.find(node, inode) {
            self.all[index].mappings.push((address, len));
        }
    }

    /// Returns whether an address lies in a mapping of a node.
    pub(super) fn contain(&self, node: NodeId, address: usize) -> bool {
        let within = |&(start, len): &(usize, usize)| (start..start + len).contains(&address);
        self.all.iter().any(|image| image.node == node && image.mappings.iter().any(within))
    }

    /// The files of a node with a mapping that lies wholly in this memory.
    pub(super) fn within(&self, node: NodeId, address: usize, len: usize) -> Vec<InodeId> {
        let end = address.saturating_add(len);
        self.files(node, |start, bytes| address <= start && start + bytes <= end)
    }

    /// The files of a node with a mapping that touches this memory.
    pub(super) fn touching(&self, node: NodeId, address: usize, len: usize) -> Vec<InodeId> {
        let end = address.saturating_add(len);
        self.files(node, |start, bytes| start < end && address < start + bytes)
    }

    fn files(&self, node: NodeId, is_meant: impl Fn(usize, usize) -> bool) -> Vec<InodeId> {
        self.all
            .iter()
            .filter(|image| image.node == node && image.mappings.iter().any(|&(start, len)| is_meant(start, len)))
            .map(|image| image.inode)
            .collect()
    }

    /// Every mapped file of a node.
    pub(super) fn of_node(&self, node: NodeId) -> Vec<InodeId> {
        self.all.iter().filter(|image| image.node == node).map(|image| image.inode).collect()
    }

    /// Removes the mappings of a file that lie wholly in this memory, and its image with the last one. Returns whether the
    /// image is gone.
    pub(super) fn unmap(&mut self, node: NodeId, inode: InodeId, address: usize, len: usize) -> bool {
        let Some(index) = self.find(node, inode) else { return false };
        let end = address.saturating_add(len);
        let mappings = &mut self.all[index].mappings;
        mappings.retain(|&(start, bytes)| !(address <= start && start + bytes <= end));
        let is_last = mappings.is_empty();
        if is_last {
            self.all.remove(index);
        }
        is_last
    }

    /// Removes every image of a node.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.all.retain(|image| image.node != node);
    }

    /// Copies what was written to the mappings of a file into the page cache.
    pub(super) fn pull(&self, disk: &mut Disk, node: NodeId, inode: InodeId, now_ns: i64) {
        let Some(image) = self.find(node, inode).map(|index| &self.all[index]).filter(|image| image.writable) else {
            return;
        };
        let Ok(stat) = disk.stat_inode(inode) else { return };
        let mut page = [0; PAGE_BYTES];
        for start in (0..stat.size).step_by(PAGE_BYTES) {
            let len = (stat.size - start).min(PAGE_BYTES as u64) as usize;
            image.memory.read(start, &mut page[..len]);
            disk.absorb(inode, start, &page[..len], now_ns);
        }
    }

    /// Copies the page cache into the image of a file.
    pub(super) fn push(&mut self, disk: &Disk, node: NodeId, inode: InodeId) {
        let Some(index) = self.find(node, inode) else { return };
        let memory = &mut self.all[index].memory;
        let Ok(stat) = disk.stat_inode(inode) else { return };
        let mut page = [0; PAGE_BYTES];
        // Beyond the end of the file there are only zeros.
        let end = memory.len().max(stat.size);
        if memory.grow(stat.size).is_err() {
            return;
        }
        for start in (0..end).step_by(PAGE_BYTES) {
            disk.peek(inode, start, &mut page);
            memory.write(start, &page[..(end - start).min(PAGE_BYTES as u64) as usize]);
        }
    }
}
