//! The numbers of inodes and of directory operations.

/// Number of an inode. No disk gives a number twice, so that a stale one cannot reach a newer file.
pub type InodeId = u64;

/// The inode of `/`.
pub const ROOT: InodeId = 2;

/// Number of a directory operation; later is greater, zero is none.
pub(crate) type OpId = u64;
