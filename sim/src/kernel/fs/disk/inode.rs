//! One inode: a file, directory, symbolic link, device or socket, with its attributes and counts.
//! Its names are entries of directories.

use super::content::Content;
use super::directory::Directory;
use super::file_kind::{Device, FileKind};
use super::number::PseudoContent;
use super::{Errno, page};

#[derive(Clone)]
pub(crate) enum Node {
    File(Content),
    Directory(Directory),
    Symlink(Box<[u8]>),
    Device(Device),
    Socket,
    /// A file whose content the kernel makes.
    Pseudo(PseudoContent),
}

/// Nanoseconds since the Unix epoch, on the clock of the caller.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(super) accessed_ns: i64,
    pub(super) modified_ns: i64,
    pub(super) changed_ns: i64,
    pub(super) born_ns: i64,
}

#[derive(Clone)]
pub(crate) struct Inode {
    pub(super) node: Node,
    /// Permission bits only.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Names that the system sees; a directory counts its own `.` and its children's `..` too.
    pub(super) nlink: u64,
    /// The number of open descriptions and other references of the caller.
    pub(super) opens: u64,
    /// The number of durable entries and pending operations that lead here: a power loss could bring the file back.
    pub(super) anchors: u64,
    /// The system sees it no more; it exists as long as it has anchors.
    pub(super) ghost: bool,
    pub(super) times: Times,
    /// The error of the next operation of each `IoKind`; zero for none.
    pub(super) marks: [Errno; 3],
    /// Write-backs that failed.
    pub(super) failures: Failures,
    /// It has no name and may get one (`O_TMPFILE`).
    pub(super) linkable: bool,
}

/// Write-backs of a file that failed, as Linux counts them (`errseq_t`).
#[derive(Clone, Copy, Default)]
pub(crate) struct Failures {
    count: u64,
    /// The last one was reported to some description.
    reported: bool,
}

impl Failures {
    pub(crate) fn add(&mut self) {
        *self = Self { count: self.count + 1, reported: false };
    }

    /// The count at which a new description begins: one less if the last failure was reported to none.
    pub(crate) fn at_open(self) -> u64 {
        if self.reported { self.count } else { self.count.saturating_sub(1) }
    }

    /// Returns whether there are failures beyond those that a description has seen, and notes that it sees them.
    pub(crate) fn report(&mut self, seen: &mut u64) -> bool {
        let news = *seen != self.count;
        self.reported |= news;
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
            Node::File(_) | Node::Pseudo(_) => FileKind::File,
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

    /// The size in bytes, for `st_size`.
    pub(crate) fn size(&self) -> u64 {
        match &self.node {
            Node::File(content) => content.size,
            Node::Directory(_) => page::PAGE,
            Node::Symlink(target) => target.len() as u64,
            Node::Device(_) | Node::Socket | Node::Pseudo(_) => 0,
        }
    }
}
