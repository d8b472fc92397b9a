//! One inode: a file, a directory, a symbolic link or a device, with its attributes and its counts.
//! It has no name: names are entries of directories.

use super::content::Content;
use super::directory::Directory;
use super::{Errno, page};

/// Number of an inode. Numbers are never given twice on one disk, so a stale one cannot reach a newer file.
pub type InodeId = u64;

/// The inode of `/`.
pub const ROOT: InodeId = 2;

/// A character device of `/dev`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// Reads end at once, writes vanish.
    Null,
    /// Reads give zeros, writes vanish.
    Zero,
    /// Reads give random bytes: the disk has none, so the caller answers them.
    Urandom,
}

impl Device {
    /// Major and minor number, packed as `st_rdev` has them.
    pub(crate) fn rdev(self) -> u64 {
        let minor = match self {
            Device::Null => 3,
            Device::Zero => 5,
            Device::Urandom => 9,
        };
        (1 << 8) | minor
    }
}

/// What an inode is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A character device.
    Device(Device),
    /// What a Unix socket is bound to.
    Socket,
}

impl FileKind {
    /// The number that `readdir` gives for it (`DT_REG` and the like).
    pub fn d_type(self) -> u8 {
        match self {
            FileKind::File => libc::DT_REG,
            FileKind::Directory => libc::DT_DIR,
            FileKind::Symlink => libc::DT_LNK,
            FileKind::Device(_) => libc::DT_CHR,
            FileKind::Socket => libc::DT_SOCK,
        }
    }

    /// The file type bits of `st_mode`.
    pub fn mode_bits(self) -> u32 {
        match self {
            FileKind::File => libc::S_IFREG,
            FileKind::Directory => libc::S_IFDIR,
            FileKind::Symlink => libc::S_IFLNK,
            FileKind::Device(_) => libc::S_IFCHR,
            FileKind::Socket => libc::S_IFSOCK,
        }
    }
}

#[derive(Clone)]
pub(crate) enum Node {
    File(Content),
    Directory(Directory),
    Symlink(Box<[u8]>),
    Device(Device),
    Socket,
}

/// Nanoseconds since the Unix epoch, on the clock of the caller.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) accessed_ns: i64,
    pub(crate) modified_ns: i64,
    pub(crate) changed_ns: i64,
    pub(crate) born_ns: i64,
}

#[derive(Clone)]
pub(crate) struct Inode {
    pub(crate) node: Node,
    /// Permission bits only.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Names that the system sees; a directory counts its own `.` and its children's `..` too.
    pub(crate) nlink: u64,
    /// Open descriptions and whatever else the caller retains.
    pub(crate) opens: u64,
    /// Durable entries and pending operations that lead here: a power loss could bring the file back.
    pub(crate) anchors: u64,
    /// Out of the system's sight and waiting only for its anchors to go.
    pub(crate) ghost: bool,
    pub(crate) times: Times,
    /// Errors that the next operation of each `IoKind` will give; zero is none.
    pub(crate) marks: [Errno; 3],
    /// Write-backs that failed.
    pub(crate) failures: Failures,
    /// It has no name and may get one (`O_TMPFILE`).
    pub(crate) linkable: bool,
}

/// Write-backs of a file that failed, as Linux counts them (`errseq_t`).
#[derive(Clone, Copy, Default)]
pub(crate) struct Failures {
    count: u64,
    /// Whether anybody was told of the last one.
    told: bool,
}

impl Failures {
    pub(crate) fn add(&mut self) {
        *self = Self { count: self.count + 1, told: false };
    }

    /// Where a new description begins: a failure that nobody was told of is still news to it.
    pub(crate) fn at_open(self) -> u64 {
        if self.told { self.count } else { self.count.saturating_sub(1) }
    }

    /// Whether a description that knows of `seen` has something to be told; then it knows.
    pub(crate) fn tell(&mut self, seen: &mut u64) -> bool {
        let news = *seen != self.count;
        self.told |= news;
        *seen = self.count;
        news
    }
}

impl Inode {
    pub(crate) fn new(node: Node, mode: u32, now_ns: i64) -> Self {
        let times = Times { accessed_ns: now_ns, modified_ns: now_ns, changed_ns: now_ns, born_ns: now_ns };
        Inode {
            node,
            mode: mode & 0o7777,
            uid: 0,
            gid: 0,
            nlink: 0,
            opens: 0,
            anchors: 0,
            ghost: false,
            times,
            marks: [0; 3],
            failures: Failures::default(),
            linkable: false,
        }
    }

    pub(crate) fn kind(&self) -> FileKind {
        match &self.node {
            Node::File(_) => FileKind::File,
            Node::Directory(_) => FileKind::Directory,
            Node::Symlink(_) => FileKind::Symlink,
            Node::Device(device) => FileKind::Device(*device),
            Node::Socket => FileKind::Socket,
        }
    }

    pub(crate) fn is_directory(&self) -> bool {
        matches!(self.node, Node::Directory(_))
    }

    /// Pages that the file books of the disk's capacity.
    pub(crate) fn allocated(&self) -> u64 {
        match &self.node {
            Node::File(content) => content.allocated(),
            _ => 0,
        }
    }

    /// Size in bytes, as `st_size` tells it.
    pub(crate) fn size(&self) -> u64 {
        match &self.node {
            Node::File(content) => content.size,
            Node::Directory(_) => page::PAGE,
            Node::Symlink(target) => target.len() as u64,
            Node::Device(_) | Node::Socket => 0,
        }
    }
}
