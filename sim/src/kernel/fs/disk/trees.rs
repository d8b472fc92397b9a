//! The trees of pseudo files on a disk: listed by the kernel, and never changed by a program.

use super::inode::Node;
use super::number::{InodeId, PseudoContent, ROOT, is_pseudo};
use super::pseudo::PseudoKind;
use super::{Disk, Errno};

impl Disk {
    /// Returns whether a path may lead to a pseudo file.
    pub(crate) fn may_be_pseudo(&self, at: InodeId, path: &[u8]) -> bool {
        is_pseudo(at) || self.pseudo.may_be_reached(path)
    }

    /// Replaces all pseudo files: absolute paths, parents first. A path keeps its inode number.
    pub(crate) fn list_pseudo_files(&mut self, files: Vec<(String, PseudoKind)>) {
        self.pseudo.clear();
        for (path, kind) in files {
            self.pseudo.add(&path, kind);
            if path.rfind('/') == Some(0)
                && let Ok(covered) = self.lookup(ROOT, path.as_bytes(), true)
            {
                self.pseudo.mount(covered, &path);
            }
        }
    }

    /// The content of an inode, if it is a pseudo file.
    pub(crate) fn pseudo_content(&self, inode: InodeId) -> Option<PseudoContent> {
        match self.pseudo.inode(inode).ok()?.node {
            Node::Pseudo(content) => Some(content),
            _ => None,
        }
    }

    /// Refuses to make an entry in a directory of a tree, as Linux does.
    pub(super) fn may_add_to(&self, directory: InodeId) -> Result<(), Errno> {
        if is_pseudo(directory) { Err(libc::ENOENT) } else { Ok(()) }
    }

    /// Refuses to remove or move an entry of a tree, or the tree.
    pub(super) fn may_remove(&self, directory: InodeId, inode: Option<InodeId>) -> Result<(), Errno> {
        match inode {
            _ if is_pseudo(directory) => Err(libc::EPERM),
            Some(root) if is_pseudo(root) => Err(libc::EBUSY),
            _ => Ok(()),
        }
    }
}
