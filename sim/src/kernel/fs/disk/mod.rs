//! The disk of one simulated node: a file system in memory, a page cache above durable media.
//! It does no I/O, blocks nobody and draws nothing at random: the caller passes the time and answers every choice.
//!
//! ```text
//! state       volume      the disk: its inodes, and how directory operations become durable
//!             inode       a file, directory, link, device or socket
//!             content     the bytes of a file; page, extents
//!             directory   the entries of a directory
//!             pseudo      the trees of /proc and /sys
//!             journal     directory operations that are not durable yet
//!             lock, disk_fault, number, file_kind
//! operations  open        open, read, write, seek, close
//!             data        reading, writing, allocating and syncing an inode
//!             names       create, link, remove, rename, list
//!             path        from a path to an inode
//!             attributes  stat, chmod, utimens, access, statfs
//!             trees       listing pseudo files, refusing to change them
//!             locking     flock and record locks
//!             device      reads that miss the page cache, active faults
//! faults      power_loss  what survives a loss of power
//!             fault       corruption, files that vanish, marked errors
//!             digest      comparing two states of a disk
//! ```

mod attributes;
mod content;
mod data;
mod device;
mod digest;
mod directory;
mod disk_fault;
mod extents;
mod fault;
mod file_kind;
mod inode;
mod journal;
mod lock;
mod locking;
mod names;
mod number;
mod open;
mod page;
mod path;
mod power_loss;
mod pseudo;
mod trees;
mod volume;

#[cfg(test)]
mod tests;

pub use attributes::{Stat, Statfs};
pub use directory::Listed;
pub use disk_fault::DiskFault;
pub use fault::{Corruption, CorruptionKind};
pub use file_kind::{Device, FileKind, IoKind};
pub use lock::{Lock, LockKind, Owner, RecordLock};
pub use number::{InodeId, ROOT};
pub(crate) use number::{PseudoContent, is_pseudo};
pub use open::OpenFile;
pub use page::{PAGE_BYTES, SECTOR_BYTES};
pub use path::{NAME_BYTES_MAX, PATH_BYTES_MAX};
pub use power_loss::{Ask, AskKind, Loss};
pub(crate) use pseudo::PseudoKind;
pub use volume::{Disk, Unsynced};

/// An error number of Linux, positive, as `libc` names it (`libc::ENOENT`).
pub type Errno = i32;
