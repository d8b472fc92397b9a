//! The disk of one simulated node: a file system in memory, a page cache above durable media.
//! It does no I/O, blocks nobody and draws nothing at random: the caller passes the time and answers every choice.

mod attributes;
mod content;
mod data;
mod digest;
mod directory;
mod extents;
mod fault;
mod inode;
mod journal;
mod lock;
mod names;
mod open;
mod page;
mod path;
mod power_loss;
mod trouble;
mod volume;

#[cfg(test)]
mod tests;

pub use attributes::{Stat, Statfs};
pub use directory::Listed;
pub use fault::{Corruption, CorruptionKind, IoKind};
pub use inode::{Device, FileKind, InodeId, ROOT};
pub use lock::{Lock, LockKind, Owner, RecordLock};
pub use open::OpenFile;
pub use page::{PAGE_BYTES, SECTOR_BYTES};
pub use path::{NAME_BYTES_MAX, PATH_BYTES_MAX};
pub use power_loss::{Ask, AskKind};
pub use trouble::Trouble;
pub use volume::{Disk, Unsynced};

/// An error number of Linux, positive, as `libc` names it (`libc::ENOENT`).
pub type Errno = i32;
