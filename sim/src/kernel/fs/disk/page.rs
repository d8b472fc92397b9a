//! One page of file content, and a small store of unused ones.

/// Bytes of one page: the grain at which unsynced data is kept or lost.
pub const PAGE_BYTES: usize = 4096;

/// Bytes of one sector: the grain at which the last write may be torn.
pub const SECTOR_BYTES: usize = 512;

/// [`PAGE_BYTES`] as a file offset.
pub(crate) const PAGE: u64 = PAGE_BYTES as u64;

/// [`SECTOR_BYTES`] as a file offset.
pub(crate) const SECTOR: u64 = SECTOR_BYTES as u64;

/// Enough for the writes between two syncs of a database's commit; more would only be memory held back.
const SPARES_MAX: usize = 64;

pub(crate) type Page = [u8; PAGE_BYTES];

/// Unused pages, so that a write followed by a sync needs no allocation.
#[derive(Clone, Default)]
pub(crate) struct Spares {
    free: Vec<Box<Page>>,
}

impl Spares {
    /// A page with arbitrary bytes, for a caller that overwrites all of it.
    pub(crate) fn any(&mut self) -> Box<Page> {
        self.free.pop().unwrap_or_else(|| Box::new([0; PAGE_BYTES]))
    }

    pub(crate) fn zeroed(&mut self) -> Box<Page> {
        match self.free.pop() {
            Some(mut page) => {
                page.fill(0);
                page
            }
            None => Box::new([0; PAGE_BYTES]),
        }
    }

    pub(crate) fn copy_of(&mut self, page: &Page) -> Box<Page> {
        let mut copy = self.any();
        copy.copy_from_slice(page);
        copy
    }

    pub(crate) fn take_back(&mut self, page: Box<Page>) {
        if self.free.len() < SPARES_MAX {
            self.free.push(page);
        }
    }
}
