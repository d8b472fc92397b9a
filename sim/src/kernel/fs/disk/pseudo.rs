//! Pseudo files: the trees of `/proc` and `/sys`, whose files have content of the kernel's making.
//! It does not know the content: each file has a number, by which the kernel makes it when the file is opened. No pseudo file
//! takes space, survives a power loss, or is struck by a fault.

use super::Errno;
use super::directory::{Directory, Name};
use super::inode::{Inode, Node};
use super::number::{FIRST_PSEUDO, InodeId, PseudoContent, ROOT};
use std::collections::BTreeMap;

/// The device number of all pseudo files.
pub(crate) const PSEUDO_DEVICE: u64 = 21;

/// The magic numbers of `statfs(2)`, by which programs tell the version of control groups.
const PROC_MAGIC: u64 = 0x9fa0;
const CGROUP_MAGIC: u64 = 0x6367_7270;
const SYSFS_MAGIC: u64 = 0x6265_6572;

/// One entry of a tree.
pub(crate) enum PseudoKind {
    Directory,
    Link(String),
    File(PseudoContent),
}

/// The pseudo files of one disk.
#[derive(Clone, Default)]
pub(crate) struct PseudoFiles {
    inodes: BTreeMap<InodeId, Inode>,
    /// The number of each path that was ever listed.
    numbers: BTreeMap<String, InodeId>,
    /// The directories of the disk that the trees cover, each with the root of its tree.
    mounts: Vec<(InodeId, InodeId)>,
    /// Some symbolic link of the program may lead into a tree.
    is_linked: bool,
}

impl PseudoFiles {
    pub(super) fn inode(&self, inode: InodeId) -> Result<&Inode, Errno> {
        self.inodes.get(&inode).ok_or(libc::ENOENT)
    }

    /// The root of the tree that covers a directory, or the inode itself.
    #[inline]
    pub(super) fn mounted(&self, inode: InodeId) -> InodeId {
        self.mounts.iter().find(|(covered, _)| *covered == inode).map_or(inode, |(_, root)| *root)
    }

    /// A symbolic link to this target was made.
    pub(super) fn linked(&mut self, target: &[u8]) {
        self.is_linked |= names_tree(target);
    }

    /// The magic number of the tree that holds an inode.
    pub(super) fn magic(&self, inode: InodeId) -> Option<u64> {
        let (path, _) = self.numbers.iter().find(|(_, number)| **number == inode)?;
        let tree = [("/proc", PROC_MAGIC), ("/sys/fs/cgroup", CGROUP_MAGIC), ("/sys", SYSFS_MAGIC)];
        tree.into_iter().find(|(root, _)| path.starts_with(root)).map(|(_, magic)| magic)
    }

    /// Forgets all entries. A path keeps its number.
    pub(super) fn clear(&mut self) {
        self.inodes.clear();
        self.mounts.clear();
    }

    /// Covers a directory of the disk with the tree of this path, which was added before.
    pub(super) fn mount(&mut self, covered: InodeId, path: &str) {
        let root = self.number(path);
        self.mounts.push((covered, root));
    }

    /// Returns whether a path may lead into a tree, whatever directory it begins in.
    pub(super) fn may_be_reached(&self, path: &[u8]) -> bool {
        self.is_linked || names_tree(path)
    }

    fn number(&mut self, path: &str) -> InodeId {
        let next = FIRST_PSEUDO + self.numbers.len() as InodeId;
        *self.numbers.entry(path.to_owned()).or_insert(next)
    }

    /// Adds an entry below a directory that was added before.
    pub(super) fn add(&mut self, path: &str, kind: PseudoKind) {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let (parent, name) = (self.numbers.get(above).copied().unwrap_or(ROOT), Name::from(name.as_bytes()));
        let (node, mode, nlink) = match kind {
            PseudoKind::Directory => (Node::Directory(Directory::new(parent, name.clone())), 0o555, 2),
            PseudoKind::Link(target) => (Node::Symlink(target.into_bytes().into()), 0o777, 1),
            PseudoKind::File(content) => (Node::Pseudo(content), 0o444, 1),
        };
        let number = self.number(path);
        let mut inode = Inode::new(node, mode, 0);
        inode.nlink = nlink;
        self.inodes.insert(number, inode);
        if let Some(Inode { node: Node::Directory(directory), .. }) = self.inodes.get_mut(&parent) {
            directory.set(&name, number);
        }
    }
}

/// Returns whether a component of a path is the name of a tree.
fn names_tree(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|name| name == b"proc" || name == b"sys")
}
