//! The pages of a run: large ones where many are taken, and populated ahead, so that the run has fewer page faults.

use crate::host::system;

/// The memory of the heap that a run certainly takes; in one piece that is smaller than what malloc would map
/// separately.
const HEAP_BYTES: usize = 120 << 10;

/// The present end of the allocated heap. A piece that the child frees stays allocated in the parent.
fn heap_top(piece_bytes: usize) -> usize {
    let piece = Vec::<u8>::with_capacity(piece_bytes);
    piece.as_ptr().addr()
}

/// Lets the memory that runs of many nodes take come in large pages: fewer page faults and fewer entries in the TLB.
/// The memory that every run takes still comes in small ones. Where the system has no large pages nothing changes.
pub(super) fn widen_pages() {
    const LARGE: usize = 2 << 20;
    let start = (heap_top(HEAP_BYTES) + 2 * LARGE).next_multiple_of(LARGE);
    // SAFETY: brk(2) with 0 only returns the end of the heap's mapping. madvise(2) with `MADV_HUGEPAGE` changes no
    // content.
    unsafe {
        let end = system::call(libc::SYS_brk, 0, 0, 0, 0, 0, 0) as usize;
        if start < end {
            system::call(libc::SYS_madvise, start, end - start, libc::MADV_HUGEPAGE as usize, 0, 0, 0);
        }
    }
}

/// Allows or forbids large pages in this process, whatever its mappings ask for; a child inherits the setting. A runner
/// forbids them: `khugepaged` would otherwise replace its heap's pages by large ones at some time, so that the runner
/// grows by up to 2 MiB and the children that it forks afterwards copy other pages than those before. A kernel without
/// large pages refuses the call.
pub(super) fn use_large_pages(allowed: bool) {
    let (forbidden, unused) = (libc::c_ulong::from(!allowed), 0 as libc::c_ulong);
    // SAFETY: prctl(2) with `PR_SET_THP_DISABLE` takes numbers only and changes no mapping.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, forbidden, unused, unused, unused) };
}

/// Populates the memory that a run certainly takes: one system call instead of a page fault for each page.
pub(super) fn fill_heap() {
    const PAGE: usize = 4096;
    let start = heap_top(HEAP_BYTES) & !(PAGE - 1);
    // SAFETY: madvise(2) with `MADV_POPULATE_WRITE` changes no content; a kernel that does not know this advice refuses
    // it.
    unsafe { system::call(libc::SYS_madvise, start, HEAP_BYTES, libc::MADV_POPULATE_WRITE as usize, 0, 0, 0) };
}
