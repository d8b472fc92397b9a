//! Path resolution: components, `.` and `..`, symbolic links, trailing slashes.
//! It changes nothing.

use super::directory::Name;
use super::inode::Node;
use super::number::{InodeId, ROOT};
use super::{Disk, Errno};
use std::borrow::Cow;

/// `PATH_MAX`: bytes of a path, its final NUL included.
pub const PATH_BYTES_MAX: usize = 4096;

/// `NAME_MAX`: bytes of one component.
pub const NAME_BYTES_MAX: usize = 255;

/// Linux's limit of symbolic links that one resolution follows.
const LINKS_MAX: u32 = 40;

/// The treatment of a symbolic link at the end of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// Follow it.
    Follow,
    /// Do not follow it, unless a slash comes after it.
    Stay,
    /// Never follow it: for operations on the name itself.
    Name,
}

/// The last component of a path.
#[derive(Debug)]
pub(crate) enum Tail {
    /// Nothing but slashes.
    Root,
    Dot,
    DotDot,
    Name(Name),
}

/// The result of a path resolution.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// The directory that holds the last component.
    pub(super) directory: InodeId,
    pub(super) tail: Tail,
    /// The inode that is there, if any.
    pub(super) inode: Option<InodeId>,
    /// A slash follows the last component.
    pub(super) slash: bool,
}

impl Disk {
    pub(crate) fn resolve(&self, at: InodeId, path: &[u8], last: Last) -> Result<Resolved, Errno> {
        if path.is_empty() {
            return Err(libc::ENOENT);
        }
        if path.len() >= PATH_BYTES_MAX {
            return Err(libc::ENAMETOOLONG);
        }
        let mut here = if path[0] == b'/' { ROOT } else { at };
        let mut directory = self.directory(here)?;
        let mut rest = Cow::Borrowed(path);
        let mut cursor = 0;
        let mut links = 0;
        loop {
            let start = cursor + slashes(&rest[cursor..]);
            if start == rest.len() {
                return Ok(Resolved { directory: here, tail: Tail::Root, inode: Some(here), slash: false });
            }
            let end = start + rest[start..].iter().position(|b| *b == b'/').unwrap_or(rest.len() - start);
            let name = &rest[start..end];
            cursor = end + slashes(&rest[end..]);
            let (slash, is_last) = (cursor > end, cursor == rest.len());
            if name.len() > NAME_BYTES_MAX {
                return Err(libc::ENAMETOOLONG);
            }
            if name == b"." || name == b".." {
                let tail = if name == b"." { Tail::Dot } else { Tail::DotDot };
                if name == b".." {
                    here = directory.parent;
                    directory = self.directory(here).map_err(|_| libc::ENOENT)?;
                }
                if is_last {
                    return Ok(Resolved { directory: here, tail, inode: Some(here), slash });
                }
                continue;
            }
            let Some(entry) = directory.entries.get(name) else {
                if !is_last {
                    return Err(libc::ENOENT);
                }
                return Ok(Resolved { directory: here, tail: Tail::Name(Name::from(name)), inode: None, slash });
            };
            let inode = self.pseudo.mounted(entry.inode);
            match &self.inode(inode)?.node {
                Node::Symlink(target) if !is_last || last == Last::Follow || (last == Last::Stay && slash) => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(libc::ELOOP);
                    }
                    if target[0] == b'/' {
                        here = ROOT;
                        directory = self.directory(here)?;
                    }
                    rest = Cow::Owned([target, &rest[end..]].concat());
                    cursor = 0;
                }
                Node::Directory(child) if !is_last => (here, directory) = (inode, child),
                Node::Directory(_) => {
                    return Ok(Resolved {
                        directory: here,
                        tail: Tail::Name(Name::from(name)),
                        inode: Some(inode),
                        slash,
                    });
                }
                _ if !is_last || (slash && last != Last::Name) => return Err(libc::ENOTDIR),
                _ => {
                    return Ok(Resolved {
                        directory: here,
                        tail: Tail::Name(Name::from(name)),
                        inode: Some(inode),
                        slash,
                    });
                }
            }
        }
    }

    /// The inode at `path`; `follow` follows a symbolic link at its end. Errors: `ENOENT`, `ENOTDIR`, `ELOOP`,
    /// `ENAMETOOLONG`, and `EBADF` for an `at` that does not exist.
    pub fn lookup(&self, at: InodeId, path: &[u8], follow: bool) -> Result<InodeId, Errno> {
        self.resolve(at, path, if follow { Last::Follow } else { Last::Stay })?.inode.ok_or(libc::ENOENT)
    }

    /// The absolute path of the inode at `path`, without links, `.` and `..`, like `realpath(3)`. Errors: as for
    /// [`Disk::lookup`].
    pub fn realpath(&self, at: InodeId, path: &[u8]) -> Result<Vec<u8>, Errno> {
        let resolved = self.resolve(at, path, Last::Follow)?;
        resolved.inode.ok_or(libc::ENOENT)?;
        self.path_of(&resolved)
    }

    /// The absolute path of a directory, as `getcwd(3)` gives it. Errors: `ENOENT` when it was removed, `ENOTDIR`.
    pub fn directory_path(&self, directory: InodeId) -> Result<Vec<u8>, Errno> {
        let mut names = Vec::new();
        let mut here = directory;
        while here != ROOT {
            if self.inode(here)?.nlink == 0 {
                return Err(libc::ENOENT);
            }
            let node = self.directory(here)?;
            names.push(&node.name);
            here = node.parent;
        }
        if names.is_empty() {
            return Ok(b"/".to_vec());
        }
        Ok(names.iter().rev().flat_map(|name| [&b"/"[..], name].concat()).collect())
    }

    pub(crate) fn path_of(&self, resolved: &Resolved) -> Result<Vec<u8>, Errno> {
        let mut path = self.directory_path(resolved.directory)?;
        if let Tail::Name(name) = &resolved.tail {
            if path.len() > 1 {
                path.push(b'/');
            }
            path.extend_from_slice(name);
        }
        Ok(path)
    }

    /// Returns whether `inode` is `ancestor` or lies below it.
    pub(crate) fn is_within(&self, inode: InodeId, ancestor: InodeId) -> bool {
        let mut here = inode;
        loop {
            if here == ancestor {
                return true;
            }
            match self.directory(here) {
                Ok(directory) if here != ROOT => here = directory.parent,
                _ => return false,
            }
        }
    }
}

fn slashes(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| **b == b'/').count()
}
