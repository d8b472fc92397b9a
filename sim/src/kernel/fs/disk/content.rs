//! The bytes of one regular file: the pages that the running system sees, and those that the media held before.
//! It knows no names, no times and no capacity; the choices of a power loss are in `power_loss`.

use super::extents::Extents;
use super::page::{PAGE, PAGE_BYTES, Page, Spares};
use crate::kernel::sink::Sink;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};

/// The number of unsynced sizes that a file remembers. A log that is never synced would otherwise remember each append.
const SIZES_MAX: usize = 32;

/// A page on the media: `None` is a hole.
pub(crate) type Side = Option<Box<Page>>;

/// A change of size that no sync has covered.
#[derive(Clone, Copy)]
pub(crate) struct SizeChange {
    pub(super) size: u64,
    /// The smallest size since the last sync. The media drop their data beyond it.
    pub(super) lowest: u64,
}

/// File content. A page is in `pages` once; only while it is dirty is its durable version kept beside it, so that a
/// sync costs what was written and no more.
///
/// Invariants: bytes of `pages` beyond `size` are zero; no page is both in `pages` and `reserved`; no page is both in
/// `dirty` and `lost`; each page of `lost` is in `pages`.
#[derive(Clone, Default)]
pub(crate) struct Content {
    pub(super) size: u64,
    pub(super) pages: BTreeMap<u64, Box<Page>>,
    /// Pages that `fallocate` booked and that were not written.
    pub(super) reserved: Extents,
    pub(super) durable_size: u64,
    /// The durable version of each page that changed since the last sync.
    pub(super) dirty: BTreeMap<u64, Side>,
    /// The durable version of each page whose write-back failed: clean to the system, old on the media.
    pub(super) lost: BTreeMap<u64, Side>,
    /// The changes of size since the last sync, oldest first.
    pub(super) sizes: Vec<SizeChange>,
    /// Start and end of the last write that no sync has covered.
    pub(super) last_write: Option<(u64, u64)>,
    /// Pages that are not in the page cache: the device is needed to read them. None of them is dirty or lost.
    pub(super) cold: Extents,
}

impl Content {
    /// Pages booked by this file, written or reserved.
    pub(crate) fn allocated(&self) -> u64 {
        self.pages.len() as u64 + self.reserved.pages()
    }

    /// Returns whether a power loss would lose nothing.
    pub(crate) fn is_durable(&self) -> bool {
        self.dirty.is_empty() && self.lost.is_empty() && self.sizes.is_empty()
    }

    /// Copies bytes from `offset` on. Returns the number of bytes before the end of the file.
    pub(crate) fn read(&self, offset: u64, into: &mut dyn Sink) -> usize {
        let Some(left) = self.size.checked_sub(offset) else { return 0 };
        let len = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut filled = 0;
        if len == 0 {
            return 0;
        }
        for (&index, page) in self.pages.range(offset / PAGE..=(offset + len as u64 - 1) / PAGE) {
            let page_start = index * PAGE;
            let at = page_start.saturating_sub(offset) as usize;
            let within = offset.saturating_sub(page_start) as usize;
            let n = (PAGE_BYTES - within).min(len - at);
            into.put_zeros(filled..at);
            into.put(at, &page[within..within + n]);
            filled = at + n;
        }
        into.put_zeros(filled..len);
        len
    }

    /// The number of the `len` bytes at `offset` that fit into `free` more pages.
    pub(crate) fn fitting(&self, offset: u64, len: usize, free: u64) -> usize {
        let (first, last) = (offset / PAGE, (offset + len as u64 - 1) / PAGE);
        if last - first < free {
            return len;
        }
        let mut free = free;
        for index in first..=last {
            if self.pages.contains_key(&index) || self.reserved.contains(index) {
                continue;
            }
            if free == 0 {
                return (index * PAGE).saturating_sub(offset) as usize;
            }
            free -= 1;
        }
        len
    }

    pub(crate) fn write(&mut self, offset: u64, data: &[u8], spares: &mut Spares) {
        if data.is_empty() {
            return;
        }
        let mut index = offset / PAGE;
        let mut within = (offset % PAGE) as usize;
        let mut rest = data;
        while !rest.is_empty() {
            let n = rest.len().min(PAGE_BYTES - within);
            self.dirty_page(index, n == PAGE_BYTES, spares)[within..within + n].copy_from_slice(&rest[..n]);
            rest = &rest[n..];
            index += 1;
            within = 0;
        }
        let end = offset + data.len() as u64;
        if end > self.size {
            self.note_size(end);
        }
        self.last_write = Some((offset, end));
    }

    /// The page, to be changed. `whole` means that the caller overwrites all of it, so that its old bytes need no copy.
    fn dirty_page(&mut self, index: u64, whole: bool, spares: &mut Spares) -> &mut Page {
        self.cold.remove(index, index + 1);
        match self.pages.entry(index) {
            Vacant(slot) => {
                self.reserved.remove(index, index + 1);
                if let Vacant(side) = self.dirty.entry(index) {
                    side.insert(None);
                }
                slot.insert(if whole { spares.any() } else { spares.zeroed() })
            }
            Occupied(slot) => {
                let page = slot.into_mut();
                if let Vacant(side) = self.dirty.entry(index) {
                    side.insert(match self.lost.remove(&index) {
                        Some(durable) => durable,
                        None if whole => Some(std::mem::replace(page, spares.any())),
                        None => Some(spares.copy_of(page)),
                    });
                }
                page
            }
        }
    }

    /// Turns a page into a hole.
    fn drop_page(&mut self, index: u64, spares: &mut Spares) {
        self.cold.remove(index, index + 1);
        let now = self.pages.remove(&index);
        match (self.dirty.entry(index), self.lost.remove(&index)) {
            (Vacant(side), None) if now.is_some() => _ = side.insert(now),
            (Vacant(side), Some(durable)) => {
                side.insert(durable);
                now.into_iter().for_each(|page| spares.take_back(page));
            }
            _ => now.into_iter().for_each(|page| spares.take_back(page)),
        }
    }

    fn note_size(&mut self, size: u64) {
        self.size = size;
        let lowest = self.sizes.last().map_or(self.durable_size, |change| change.lowest).min(size);
        if self.sizes.len() == SIZES_MAX {
            self.sizes.remove(0);
        }
        self.sizes.push(SizeChange { size, lowest });
    }

    pub(crate) fn truncate(&mut self, size: u64, spares: &mut Spares) {
        if size == self.size {
            return;
        }
        if size < self.size {
            self.zero(size, self.size, spares);
            self.reserved.remove(size.div_ceil(PAGE), u64::MAX);
        }
        self.note_size(size);
        self.last_write = None;
    }

    /// Makes `start..end` read as zero: whole pages become holes, parts of a page are overwritten.
    pub(crate) fn zero(&mut self, start: u64, end: u64, spares: &mut Spares) {
        // The last page may be dropped whole when nothing of the file lies behind `end`.
        let end_page = if end >= self.size { end.div_ceil(PAGE) } else { end / PAGE };
        let first_whole = start.div_ceil(PAGE);
        if first_whole < end_page {
            let mut gone: Vec<u64> = self.pages.range(first_whole..end_page).map(|(&index, _)| index).collect();
            gone.extend(self.lost.range(first_whole..end_page).map(|(&index, _)| index));
            for index in gone {
                self.drop_page(index, spares);
            }
        }
        let mut clear = |from: u64, to: u64| {
            let index = from / PAGE;
            if from < to && self.pages.contains_key(&index) {
                let base = index * PAGE;
                self.dirty_page(index, false, spares)[(from - base) as usize..(to - base) as usize].fill(0);
            }
        };
        clear(start, end.min(first_whole * PAGE));
        if end_page >= first_whole {
            clear(end_page * PAGE, end);
        }
        self.last_write = None;
    }

    /// Pages of `start..end` (in pages) that are neither written nor reserved.
    pub(crate) fn unallocated(&self, start: u64, end: u64) -> u64 {
        let written = self.pages.range(start..end).count() as u64;
        (end - start) - written - self.reserved.pages_within(start, end)
    }

    /// Reserves the pages of `start..end` (in pages) that are not written.
    pub(crate) fn reserve(&mut self, start: u64, end: u64) {
        let mut from = start;
        for (&index, _) in self.pages.range(start..end) {
            self.reserved.insert(from, index);
            from = index + 1;
        }
        self.reserved.insert(from, end);
    }

    /// Grows the size without any data.
    pub(crate) fn extend_to(&mut self, size: u64) {
        if size > self.size {
            self.note_size(size);
        }
    }

    /// Data and size reach the media.
    pub(crate) fn sync(&mut self, spares: &mut Spares) {
        while let Some((_, side)) = self.dirty.pop_first() {
            side.into_iter().for_each(|page| spares.take_back(page));
        }
        self.durable_size = self.size;
        self.sizes.clear();
        self.last_write = None;
    }

    /// The write-back failed: the pages count as clean, and the media keep their old data. Pages that the system sees as
    /// holes have no data to lose, so they remain dirty.
    pub(crate) fn fail_sync(&mut self) {
        let (failed, holes) =
            std::mem::take(&mut self.dirty).into_iter().partition(|(i, _)| self.pages.contains_key(i));
        self.dirty = holes;
        let mut failed: BTreeMap<u64, Side> = failed;
        self.lost.append(&mut failed);
        self.last_write = None;
    }

    /// Data of `start..end` reaches the media where the media had a page at that place within the durable size.
    pub(crate) fn sync_range(&mut self, start: u64, end: u64, spares: &mut Spares) {
        let end_page = end.min(self.durable_size).div_ceil(PAGE);
        if start / PAGE >= end_page {
            return;
        }
        let covered = self.dirty.range(start / PAGE..end_page);
        let covered: Vec<u64> =
            covered.filter(|(index, side)| side.is_some() && self.pages.contains_key(index)).map(|(&i, _)| i).collect();
        for index in covered {
            if let Some(Some(page)) = self.dirty.remove(&index) {
                spares.take_back(page);
            }
        }
    }

    /// The page on the media. Bytes beyond the durable size are not part of the file.
    pub(crate) fn durable_page(&self, index: u64) -> Option<&Page> {
        match self.dirty.get(&index).or_else(|| self.lost.get(&index)) {
            Some(side) => side.as_deref(),
            None => self.pages.get(&index).map(|page| &**page),
        }
    }

    /// The first byte at or after `offset` that is in a written page.
    pub(crate) fn next_data(&self, offset: u64) -> Option<u64> {
        let (&index, _) = self.pages.range(offset / PAGE..).next()?;
        Some(offset.max(index * PAGE))
    }

    /// The first byte at or after `offset` that is in no written page; the end of the file counts as a hole.
    pub(crate) fn next_hole(&self, offset: u64) -> u64 {
        let mut index = offset / PAGE;
        for (&written, _) in self.pages.range(index..) {
            if written != index {
                break;
            }
            index += 1;
        }
        offset.max(index * PAGE).min(self.size)
    }
}
