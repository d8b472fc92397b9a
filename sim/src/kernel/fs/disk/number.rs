//! The numbers of inodes, of directory operations, and of what the kernel makes.

/// Number of an inode. No disk gives a number twice, so that a stale one cannot reach a newer file.
pub type InodeId = u64;

/// The inode of `/`.
pub const ROOT: InodeId = 2;

/// Number of a directory operation; later is greater, zero is none.
pub(crate) type OpId = u64;

/// The first number of a pseudo file. The files of a disk have lower ones, which do not depend on the pseudo files.
pub(super) const FIRST_PSEUDO: InodeId = 1 << 40;

/// Returns whether an inode number is that of a pseudo file.
#[inline]
pub(crate) fn is_pseudo(inode: InodeId) -> bool {
    inode >= FIRST_PSEUDO
}

/// The content of a pseudo file, by number.
pub(crate) type PseudoContent = u64;
