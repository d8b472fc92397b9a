//! Faults on demand: corruption, files that vanish, marked errors.
//! It makes no choices. A full disk is `Disk::set_capacity`; a slow one is up to the caller's clock.

use super::content::Content;
use super::digest::mix;
use super::file_kind::IoKind;
use super::inode::Node;
use super::number::{InodeId, ROOT};
use super::page::{PAGE, PAGE_BYTES, Page, SECTOR_BYTES};
use super::path::{Last, Resolved, Tail};
use super::power_loss::{Ask, AskKind};
use super::{Disk, Errno};

/// The kinds of corruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorruptionKind {
    /// One bit is flipped.
    BitFlip,
    /// One sector reads as zero.
    ZeroedSector,
    /// One sector is noise.
    NoiseSector,
}

/// The bytes that were corrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corruption {
    /// The kind of corruption.
    pub kind: CorruptionKind,
    /// The first byte.
    pub offset: u64,
    /// The number of bytes.
    pub len: u64,
}

impl Disk {
    /// Marks an error: the next operation of this kind on the inode fails with `errno` (mostly `EIO`); 0 removes the mark.
    /// [`Disk::fsync`] describes the effect of a failed sync. Errors: `EBADF` when there is no such inode.
    pub fn mark_error(&mut self, inode: InodeId, kind: IoKind, errno: Errno) -> Result<(), Errno> {
        self.inode_mut(inode)?.marks[kind as usize] = errno;
        Ok(())
    }

    /// Damages the file at an absolute path, on the media and in the page cache alike, where and how `ask` answers. On Linux
    /// a program sees what the media have at the next read that misses the page cache; here that is the next read: as if the
    /// kernel had just written the page back and dropped it.
    /// Returns `None` for an empty file. Errors: those of a path, `EINVAL` for what is no file.
    pub fn corrupt(&mut self, path: &[u8], ask: &mut dyn FnMut(Ask) -> u64) -> Result<Option<Corruption>, Errno> {
        let inode = self.lookup(ROOT, path, true)?;
        let size = match &self.inode(inode)?.node {
            Node::File(content) if content.size == 0 => return Ok(None),
            Node::File(content) => content.size,
            _ => return Err(libc::EINVAL),
        };
        let mut put = |what, bound| Ask { what, inode, occurrence: 0, bound }.put(ask);
        let kind = match put(AskKind::Corruption, 3) {
            0 => CorruptionKind::BitFlip,
            1 => CorruptionKind::ZeroedSector,
            _ => CorruptionKind::NoiseSector,
        };
        let hit = put(AskKind::CorruptByte, size);
        let bits = match kind {
            CorruptionKind::BitFlip => put(AskKind::CorruptBits, 8),
            CorruptionKind::ZeroedSector => 0,
            CorruptionKind::NoiseSector => put(AskKind::CorruptBits, u64::MAX),
        };
        let sector = hit - hit % SECTOR_BYTES as u64;
        let (offset, len) = match kind {
            CorruptionKind::BitFlip => (hit, 1),
            _ => (sector, (SECTOR_BYTES as u64).min(size - sector)),
        };
        let damage = |page: &mut Page| {
            let start = (offset % PAGE) as usize;
            let bytes = &mut page[start..start + len as usize];
            match kind {
                CorruptionKind::BitFlip => bytes[0] ^= 1 << bits,
                CorruptionKind::ZeroedSector => bytes.fill(0),
                CorruptionKind::NoiseSector => {
                    for (i, chunk) in bytes.chunks_mut(8).enumerate() {
                        chunk.copy_from_slice(&mix(bits, i as u64).to_le_bytes()[..chunk.len()]);
                    }
                }
            }
        };
        self.with_content(inode, |content, _| content.damage(offset / PAGE, &damage))?;
        Ok(Some(Corruption { kind, offset, len }))
    }

    /// Makes the inode at an absolute path vanish, on the media too, as if it had never been synced; a directory vanishes with
    /// its content. Open descriptions keep it. Errors: those of a path, `EBUSY` for the root.
    pub fn remove_for_fault(&mut self, path: &[u8]) -> Result<(), Errno> {
        let Resolved { directory, tail, inode, .. } = self.resolve(ROOT, path, Last::Name)?;
        let Tail::Name(name) = tail else { return Err(libc::EBUSY) };
        let inode = inode.ok_or(libc::ENOENT)?;
        self.vanish(directory, &name, inode);
        Ok(())
    }

    fn vanish(&mut self, parent: InodeId, name: &[u8], inode: InodeId) {
        if let Ok(directory) = self.directory(inode) {
            let children: Vec<_> = directory.entries.iter().map(|(name, entry)| (name.clone(), entry.inode)).collect();
            for (child_name, child) in children {
                self.vanish(inode, &child_name, child);
            }
            // Entries that the system had removed already, and the media had not.
            for entry in std::mem::take(&mut self.directory_slot(inode).durable).into_values() {
                self.slot(entry.inode).anchors -= 1;
                self.collect(entry.inode);
            }
        }
        self.directory_slot(parent).remove(name);
        let mut unanchored: Vec<InodeId> =
            self.directory_slot(parent).durable.remove(name).map(|entry| entry.inode).into_iter().collect();
        self.journal.strike(parent, name, |struck| unanchored.push(struck));
        let node = self.slot(inode);
        if node.is_directory() {
            node.nlink = 0;
            self.slot(parent).nlink -= 1;
        } else {
            node.nlink -= 1;
        }
        for gone in unanchored {
            self.slot(gone).anchors -= 1;
            if gone != inode {
                self.collect(gone);
            }
        }
        self.collect(inode);
    }
}

impl Content {
    /// Damages a page in the page cache and on the media.
    fn damage(&mut self, index: u64, damage: &dyn Fn(&mut Page)) {
        self.reserved.remove(index, index + 1);
        damage(self.pages.entry(index).or_insert_with(|| Box::new([0; PAGE_BYTES])));
        for sides in [&mut self.dirty, &mut self.lost] {
            if let Some(Some(page)) = sides.get_mut(&index) {
                damage(page);
            }
        }
    }
}
