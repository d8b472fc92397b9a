//! Power loss: each unsynced piece is kept or lost by a choice of the caller.
//! The same answers leave the same disk.

use super::Disk;
use super::content::{Content, Side};
use super::extents::Extents;
use super::inode::{Inode, Node};
use super::lock::Locks;
use super::number::{InodeId, ROOT};
use super::page::{PAGE, PAGE_BYTES, SECTOR, SECTOR_BYTES, Spares};
use super::volume::Unsynced;
use std::collections::{BTreeMap, BTreeSet};

/// The subject of a choice. 0 is the mildest answer to each: if all answers are 0, a power loss loses nothing that could
/// be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AskKind {
    /// The number of last operations of a directory that are lost. Operations tied to a lost one (a move between two
    /// directories, and all that came after it) are lost with it.
    DirectoryTail,
    /// The number of last unsynced changes of a file's size that are lost. A file remembers the last 32.
    SizeTail,
    /// A dirty page is lost (1) or kept (0). The occurrence is the number of the page.
    Page,
    /// The last unsynced write of a file is torn (1) or whole (0). Asked only if it covers more than one sector.
    Torn,
    /// Of a torn write of `n` sectors, `1 + answer` sectors at its end are lost.
    TornSectors,
    /// The kind of a corruption: a flipped bit (0), a zeroed sector (1), a sector of noise (2).
    Corruption,
    /// The byte of the file that a corruption hits.
    CorruptByte,
    /// The bit of the byte that flips, or the seed of the noise.
    CorruptBits,
}

/// One question to the caller. The same thing asks under the same key, so an answer can be overridden by name; a caller
/// that loses power more than once adds which time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// Its subject.
    pub what: AskKind,
    /// The file or directory.
    pub inode: InodeId,
    /// The number of a page; 0 for other kinds.
    pub occurrence: u64,
    /// The answer must be below this.
    pub bound: u64,
}

impl Ask {
    /// Asks the question, unless it has a single answer.
    pub(crate) fn put(self, ask: &mut dyn FnMut(Ask) -> u64) -> u64 {
        if self.bound <= 1 {
            return 0;
        }
        let answer = ask(self);
        assert!(answer < self.bound, "{self:?} was answered with {answer}");
        answer
    }
}

/// The part of a file that a power loss took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The file's path before.
    pub path: Vec<u8>,
    /// The number of bytes that were reverted; `None` if its name is lost.
    pub bytes: Option<u64>,
}

impl Disk {
    /// The node loses power. What the system saw is rebuilt from the media; each unsynced thing that could have reached
    /// them is kept or lost as `ask` answers. Operations on one directory survive in order up to a cut; a move between
    /// directories survives in both or in neither; each dirty page survives on its own; the last write of a file may be
    /// torn. No descriptor and no lock survives. Returns the losses, in the order of paths.
    pub fn power_loss(&mut self, ask: &mut dyn FnMut(Ask) -> u64) -> Vec<Loss> {
        let seen = if self.unsynced() == Unsynced::default() { Vec::new() } else { self.files_by_path() };
        let mut reverted = BTreeMap::new();
        self.epoch += 1;
        self.locks = Locks::default();
        let mut tails = BTreeMap::new();
        for (directory, pending) in self.journal.directories() {
            let ask_tail = Ask { what: AskKind::DirectoryTail, inode: directory, occurrence: 0, bound: pending + 1 };
            tails.insert(directory, ask_tail.put(ask));
        }
        for op in self.journal.survivors(&tails) {
            self.apply_durably(&op);
        }
        let reached = self.rebuild_tree();
        let Disk { inodes, spares, .. } = self;
        for (index, slot) in inodes.iter_mut().enumerate() {
            let inode = index as InodeId;
            if !reached.contains(&inode) {
                *slot = None;
            } else if let Some(Inode { node: Node::File(content), .. }) = slot.as_deref_mut() {
                reverted.insert(inode, content.lose_power(inode, ask, spares));
            }
        }
        self.used_pages = self.inodes.iter().flatten().map(|node| node.allocated()).sum();
        self.ghost_pages = 0;
        let losses = seen.into_iter().filter_map(|(path, inode)| {
            let is_there = self.lookup(ROOT, &path, false) == Ok(inode);
            let bytes = reverted.get(&inode).copied().filter(|_| is_there);
            (bytes != Some(0)).then_some(Loss { path, bytes })
        });
        losses.collect()
    }

    /// Makes the durable entries the visible ones, counts names afresh, and returns what can be reached.
    fn rebuild_tree(&mut self) -> BTreeSet<InodeId> {
        for node in self.inodes.iter_mut().flatten() {
            (node.nlink, node.opens, node.anchors, node.ghost) = (0, 0, 0, false);
        }
        self.slot(ROOT).nlink = 2;
        let mut reached = BTreeSet::from([ROOT]);
        let mut open = vec![ROOT];
        while let Some(parent) = open.pop() {
            self.directory_slot(parent).revert_to_durable();
            for (name, entry) in self.directory_slot(parent).durable.clone() {
                let child = self.slot(entry.inode);
                child.anchors += 1;
                child.nlink += 1;
                let first = reached.insert(entry.inode);
                if let Node::Directory(directory) = &mut child.node {
                    assert!(first, "directory {} has two parents after a power loss", entry.inode);
                    (directory.parent, directory.name) = (parent, name);
                    child.nlink = 2;
                    self.slot(parent).nlink += 1;
                    open.push(entry.inode);
                }
            }
        }
        reached
    }

    /// The disk as a power loss would leave it if nothing unsynced had reached the media.
    pub fn worst_case(&self) -> Disk {
        let mut disk = self.clone();
        disk.power_loss(&mut |ask| match ask.what {
            AskKind::Torn => 0,
            _ => ask.bound - 1,
        });
        disk
    }
}

impl Content {
    /// Returns the number of bytes that are lost.
    fn lose_power(&mut self, inode: InodeId, ask: &mut dyn FnMut(Ask) -> u64, spares: &mut Spares) -> u64 {
        self.cold.insert(0, self.size.div_ceil(PAGE));
        if self.is_durable() {
            return 0;
        }
        let seen_size = self.size;
        let size_tail = Ask { what: AskKind::SizeTail, inode, occurrence: 0, bound: self.sizes.len() as u64 + 1 };
        let kept_sizes = self.sizes.len() - size_tail.put(ask) as usize;
        let (size, lowest) = match kept_sizes {
            0 => (self.durable_size, u64::MAX),
            n => (self.sizes[n - 1].size, self.sizes[n - 1].lowest),
        };
        let kept_size = size.min(seen_size);
        let mut lost = seen_size - kept_size;
        for (index, side) in std::mem::take(&mut self.lost) {
            lost += self.differing(index, side.as_deref(), 0, kept_size);
            self.revert(index, side, spares);
        }
        let torn = self.torn_at(inode, ask);
        for (index, side) in std::mem::take(&mut self.dirty) {
            let (start, end) = (index * PAGE, (index + 1) * PAGE);
            let side = clip(side, lowest.saturating_sub(start), spares);
            match torn {
                // A page cut off together with the size comes back, or not, with the size.
                _ if start >= seen_size => self.revert(index, side, spares),
                Some((ref pages, cut)) if pages.contains(&index) => {
                    lost += self.differing(index, side.as_deref(), cut, kept_size);
                    if cut <= start {
                        self.revert(index, side, spares);
                    } else if cut < end {
                        self.tear(index, (cut - start) as usize, side.as_deref());
                        side.into_iter().for_each(|page| spares.take_back(page));
                    }
                }
                _ => {
                    if (Ask { what: AskKind::Page, inode, occurrence: index, bound: 2 }).put(ask) == 1 {
                        lost += self.differing(index, side.as_deref(), 0, kept_size);
                        self.revert(index, side, spares);
                    }
                }
            }
        }
        self.shrink_to(size);
        lost
    }

    /// The number of bytes from offset `from` up to `to` in which a page differs from the one on the media.
    fn differing(&self, index: u64, side: Option<&[u8; PAGE_BYTES]>, from: u64, to: u64) -> u64 {
        const HOLE: [u8; PAGE_BYTES] = [0; PAGE_BYTES];
        let within = |offset: u64| offset.saturating_sub(index * PAGE).min(PAGE) as usize;
        let (from, to) = (within(from), within(to));
        let now = self.pages.get(&index).map_or(&HOLE, |page| &**page);
        let pairs = now.iter().zip(side.unwrap_or(&HOLE)).take(to).skip(from);
        pairs.filter(|(now, durable)| now != durable).count() as u64
    }

    /// The pages of the last write, and the offset from which on it did not reach the media, if it is torn.
    fn torn_at(&self, inode: InodeId, ask: &mut dyn FnMut(Ask) -> u64) -> Option<(std::ops::RangeInclusive<u64>, u64)> {
        let (start, end) = self.last_write?;
        let pages = start / PAGE..=(end - 1) / PAGE;
        let sectors = (end - 1) / SECTOR - start / SECTOR + 1;
        self.dirty.range(pages.clone()).next()?;
        if sectors == 1 || (Ask { what: AskKind::Torn, inode, occurrence: 0, bound: 2 }).put(ask) == 0 {
            return None;
        }
        let ask_lost = Ask { what: AskKind::TornSectors, inode, occurrence: 0, bound: sectors - 1 };
        let kept = sectors - 1 - ask_lost.put(ask);
        Some((pages, (start / SECTOR + kept) * SECTOR))
    }

    /// Reverts a page to the one on the media.
    pub(crate) fn revert(&mut self, index: u64, side: Side, spares: &mut Spares) {
        let now = match side {
            Some(page) => {
                self.reserved.remove(index, index + 1);
                self.pages.insert(index, page)
            }
            None => self.pages.remove(&index),
        };
        now.into_iter().for_each(|page| spares.take_back(page));
    }

    /// From byte `cut` on, the page becomes the one on the media.
    fn tear(&mut self, index: u64, cut: usize, side: Option<&[u8; PAGE_BYTES]>) {
        debug_assert!(cut.is_multiple_of(SECTOR_BYTES), "a write is torn between sectors");
        if let Some(page) = self.pages.get_mut(&index) {
            match side {
                Some(durable) => page[cut..].copy_from_slice(&durable[cut..]),
                None => page[cut..].fill(0),
            }
        }
    }

    /// Ends a power loss: the file has this size, nothing lies beyond it, and all of it is durable.
    fn shrink_to(&mut self, size: u64) {
        self.pages.split_off(&size.div_ceil(PAGE));
        self.reserved.remove(size.div_ceil(PAGE), u64::MAX);
        let within = (size % PAGE) as usize;
        if within > 0
            && let Some(page) = self.pages.get_mut(&(size / PAGE))
        {
            page[within..].fill(0);
        }
        (self.size, self.durable_size) = (size, size);
        self.sizes.clear();
        self.last_write = None;
        self.cold = Extents::default();
        self.cold.insert(0, size.div_ceil(PAGE));
    }
}

/// The rest of a page of the media after a surviving truncation that kept its first `kept` bytes.
fn clip(side: Side, kept: u64, spares: &mut Spares) -> Side {
    let mut page = side?;
    if kept == 0 {
        spares.take_back(page);
        return None;
    }
    if kept < PAGE {
        page[kept as usize..].fill(0);
    }
    Some(page)
}
