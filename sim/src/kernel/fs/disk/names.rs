//! Operations on names: create, link, remove, rename, and the listing of a directory.
//! The system sees them at once; `journal` and `power_loss` decide what survives a power loss.

use super::directory::{Directory, Listed, Name};
use super::file_kind::FileKind;
use super::inode::{Inode, Node};
use super::journal::Change;
use super::number::{InodeId, OpId, is_pseudo};
use super::path::{Last, PATH_BYTES_MAX, Resolved, Tail};
use super::{Disk, Errno};

/// ext4's limit of names for one file.
const LINKS_MAX: u64 = 65_000;

impl Disk {
    /// Makes a directory. Errors: `EEXIST`, `ENOENT`, and those of a path.
    pub fn mkdir(&mut self, at: InodeId, path: &[u8], mode: u32, now_ns: i64) -> Result<InodeId, Errno> {
        let (parent, name, _) = self.resolve_new(at, path)?;
        let directory = Node::Directory(Directory::new(parent, name.clone()));
        Ok(self.create(parent, &name, directory, mode, now_ns))
    }

    /// Makes a symbolic link to `target`, which need not exist. Errors: `EEXIST`; `ENOENT` for an empty target.
    pub fn symlink(&mut self, target: &[u8], at: InodeId, path: &[u8], now_ns: i64) -> Result<InodeId, Errno> {
        match target.len() {
            0 => return Err(libc::ENOENT),
            PATH_BYTES_MAX.. => return Err(libc::ENAMETOOLONG),
            _ => {}
        }
        let (parent, name, slash) = self.resolve_new(at, path)?;
        if slash {
            return Err(libc::ENOENT);
        }
        self.pseudo.linked(target);
        Ok(self.create(parent, &name, Node::Symlink(target.into()), 0o777, now_ns))
    }

    /// Makes the file that a Unix socket is bound to. Errors: `EEXIST`, `ENOENT`.
    pub fn make_socket(&mut self, at: InodeId, path: &[u8], mode: u32, now_ns: i64) -> Result<InodeId, Errno> {
        let (parent, name, slash) = self.resolve_new(at, path)?;
        if slash {
            return Err(libc::ENOENT);
        }
        Ok(self.create(parent, &name, Node::Socket, mode, now_ns))
    }

    /// Gives the file at `path` one more name; `follow` follows a symbolic link. Errors: `EPERM` for a directory,
    /// `EEXIST`, `EMLINK`.
    pub fn link(
        &mut self,
        (at, path): (InodeId, &[u8]),
        (new_at, new_path): (InodeId, &[u8]),
        follow: bool,
        now_ns: i64,
    ) -> Result<(), Errno> {
        let inode = self.lookup(at, path, follow)?;
        self.link_inode(inode, new_at, new_path, now_ns)
    }

    /// Gives an inode that the caller has open one more name (`AT_EMPTY_PATH`). Errors: as for [`Disk::link`], and
    /// `ENOENT` when its last name is gone already.
    pub fn link_inode(&mut self, inode: InodeId, at: InodeId, path: &[u8], now_ns: i64) -> Result<(), Errno> {
        let (parent, name, slash) = self.resolve_new(at, path)?;
        if is_pseudo(inode) {
            return Err(libc::EXDEV);
        }
        let node = self.inode(inode)?;
        if node.is_directory() {
            return Err(libc::EPERM);
        }
        if slash || (node.nlink == 0 && !node.linkable) {
            return Err(libc::ENOENT);
        }
        if node.nlink >= LINKS_MAX {
            return Err(libc::EMLINK);
        }
        let node = self.slot(inode);
        node.nlink += 1;
        node.linkable = false;
        node.times.changed_ns = now_ns;
        self.enter(parent, &name, inode, now_ns);
        Ok(())
    }

    /// Removes a name that is not a directory's. Errors: `EISDIR`, `ENOENT`, `ENOTDIR` for a trailing slash.
    pub fn unlink(&mut self, at: InodeId, path: &[u8], now_ns: i64) -> Result<(), Errno> {
        let Resolved { directory, tail, inode, slash } = self.resolve(at, path, Last::Name)?;
        self.may_remove(directory, None)?;
        let Tail::Name(name) = tail else { return Err(libc::EISDIR) };
        let inode = inode.ok_or(libc::ENOENT)?;
        if self.inode(inode)?.is_directory() {
            return Err(libc::EISDIR);
        }
        if slash {
            return Err(libc::ENOTDIR);
        }
        self.leave(directory, &name, now_ns);
        self.pend(vec![Change { directory, name, entry: None }], false, Vec::new());
        let node = self.slot(inode);
        node.nlink -= 1;
        node.times.changed_ns = now_ns;
        self.collect(inode);
        self.settle();
        Ok(())
    }

    /// Removes an empty directory. Errors: `ENOTEMPTY`, `ENOTDIR`, `EINVAL` for `.`, `EBUSY` for the root.
    pub fn rmdir(&mut self, at: InodeId, path: &[u8], now_ns: i64) -> Result<(), Errno> {
        let resolved = self.resolve(at, path, Last::Name)?;
        self.may_remove(resolved.directory, resolved.inode)?;
        let name = match resolved.tail {
            Tail::Name(name) => name,
            Tail::Dot => return Err(libc::EINVAL),
            Tail::DotDot => return Err(libc::ENOTEMPTY),
            Tail::Root => return Err(libc::EBUSY),
        };
        let inode = resolved.inode.ok_or(libc::ENOENT)?;
        if !self.directory(inode)?.entries.is_empty() {
            return Err(libc::ENOTEMPTY);
        }
        self.leave(resolved.directory, &name, now_ns);
        // Without this, power loss could keep the removal and lose the move that took a file out before it.
        let needs = self.journal.last_of(inode).into_iter().collect();
        self.pend(vec![Change { directory: resolved.directory, name, entry: None }], false, needs);
        self.slot(resolved.directory).nlink -= 1;
        self.slot(inode).nlink = 0;
        self.collect(inode);
        self.settle();
        Ok(())
    }

    /// Gives the file or directory at `from` the name `to`, atomically. `flags`: `RENAME_NOREPLACE`,
    /// `RENAME_EXCHANGE`, or 0. Errors: `ENOENT`, `EEXIST`, `ENOTDIR`, `EISDIR`, `ENOTEMPTY`, `EBUSY` for `.`, `..` and
    /// the root, `EINVAL` for a directory into itself and for other flags.
    pub fn rename(
        &mut self,
        (from_at, from): (InodeId, &[u8]),
        (to_at, to): (InodeId, &[u8]),
        flags: u32,
        now_ns: i64,
    ) -> Result<(), Errno> {
        let (no_replace, exchange) = (flags & libc::RENAME_NOREPLACE != 0, flags & libc::RENAME_EXCHANGE != 0);
        if flags & !(libc::RENAME_NOREPLACE | libc::RENAME_EXCHANGE) != 0 || (no_replace && exchange) {
            return Err(libc::EINVAL);
        }
        let old = self.resolve(from_at, from, Last::Name)?;
        let new = self.resolve(to_at, to, Last::Name)?;
        self.may_remove(old.directory, old.inode)?;
        self.may_remove(new.directory, new.inode)?;
        let (Tail::Name(old_name), Tail::Name(new_name)) = (&old.tail, &new.tail) else { return Err(libc::EBUSY) };
        let moved = old.inode.ok_or(libc::ENOENT)?;
        let moved_is_directory = self.inode(moved)?.is_directory();
        let victim_is_directory = new.inode.is_some_and(|v| self.inode(v).is_ok_and(Inode::is_directory));
        if self.inode(new.directory)?.nlink == 0 || (exchange && new.inode.is_none()) {
            return Err(libc::ENOENT);
        }
        if no_replace && new.inode.is_some() {
            return Err(libc::EEXIST);
        }
        let new_may_slash = moved_is_directory || (exchange && victim_is_directory);
        if (old.slash && !moved_is_directory) || (new.slash && !new_may_slash) {
            return Err(libc::ENOTDIR);
        }
        if moved_is_directory && self.is_within(new.directory, moved) {
            return Err(libc::EINVAL);
        }
        if exchange && new.inode.is_some_and(|v| victim_is_directory && self.is_within(old.directory, v)) {
            return Err(libc::EINVAL);
        }
        if new.inode == Some(moved) {
            return Ok(());
        }
        if let Some(victim) = new.inode
            && !exchange
        {
            match (moved_is_directory, victim_is_directory) {
                (true, false) => return Err(libc::ENOTDIR),
                (false, true) => return Err(libc::EISDIR),
                (true, true) if !self.directory(victim)?.entries.is_empty() => return Err(libc::ENOTEMPTY),
                _ => {}
            }
        }
        match new.inode {
            Some(other) if exchange => {
                self.exchange((old.directory, old_name, moved), (new.directory, new_name, other), now_ns);
            }
            victim => self.replace((old.directory, old_name, moved), (new.directory, new_name, victim), now_ns),
        }
        self.settle();
        Ok(())
    }

    fn replace(
        &mut self,
        (old_directory, old_name, moved): (InodeId, &Name, InodeId),
        (new_directory, new_name, victim): (InodeId, &Name, Option<InodeId>),
        now_ns: i64,
    ) {
        let mut needs = Vec::new();
        if old_directory != new_directory {
            self.needs_of_home(new_directory, &mut needs);
        }
        self.leave(old_directory, old_name, now_ns);
        let entry = self.directory_slot(new_directory).set(new_name, moved);
        self.slot(new_directory).times.modified_ns = now_ns;
        let moves_directory = self.rehome(moved, old_directory, (new_directory, new_name), now_ns);
        if let Some(victim) = victim {
            if self.slot(victim).is_directory() {
                needs.extend(self.journal.last_of(victim));
                self.slot(new_directory).nlink -= 1;
                self.slot(victim).nlink = 0;
            } else {
                self.slot(victim).nlink -= 1;
            }
            self.slot(victim).times.changed_ns = now_ns;
        }
        let changes = vec![
            Change { directory: old_directory, name: old_name.clone(), entry: None },
            Change { directory: new_directory, name: new_name.clone(), entry: Some(entry) },
        ];
        self.pend(changes, moves_directory, needs);
        if let Some(victim) = victim {
            self.collect(victim);
        }
    }

    fn exchange(
        &mut self,
        (old_directory, old_name, moved): (InodeId, &Name, InodeId),
        (new_directory, new_name, other): (InodeId, &Name, InodeId),
        now_ns: i64,
    ) {
        let mut needs = Vec::new();
        if old_directory != new_directory {
            self.needs_of_home(old_directory, &mut needs);
            self.needs_of_home(new_directory, &mut needs);
        }
        let old_entry = self.directory_slot(old_directory).set(old_name, other);
        let new_entry = self.directory_slot(new_directory).set(new_name, moved);
        self.slot(old_directory).times.modified_ns = now_ns;
        self.slot(new_directory).times.modified_ns = now_ns;
        let one = self.rehome(moved, old_directory, (new_directory, new_name), now_ns);
        let two = self.rehome(other, new_directory, (old_directory, old_name), now_ns);
        let changes = vec![
            Change { directory: old_directory, name: old_name.clone(), entry: Some(old_entry) },
            Change { directory: new_directory, name: new_name.clone(), entry: Some(new_entry) },
        ];
        self.pend(changes, one || two, needs);
    }

    /// Sets the parent and name of a moved directory. Returns whether its parent is another one.
    fn rehome(&mut self, moved: InodeId, from: InodeId, (to, name): (InodeId, &Name), now_ns: i64) -> bool {
        let node = self.slot(moved);
        node.times.changed_ns = now_ns;
        let Node::Directory(directory) = &mut node.node else { return false };
        directory.parent = to;
        directory.name = name.clone();
        if from == to {
            return false;
        }
        self.slot(from).nlink -= 1;
        self.slot(to).nlink += 1;
        true
    }

    /// The pending operations that made `directory` and what is above it: a file moved there must not outlive them.
    fn needs_of_home(&self, directory: InodeId, needs: &mut Vec<OpId>) {
        let mut here = directory;
        while here != super::number::ROOT {
            let Ok(node) = self.directory(here) else { return };
            needs.extend(node.made_by.iter().filter(|op| self.journal.is_pending(**op)));
            here = node.parent;
        }
    }

    /// The target of a symbolic link. Errors: `EINVAL` for anything else.
    pub fn readlink(&self, at: InodeId, path: &[u8]) -> Result<Vec<u8>, Errno> {
        match &self.inode(self.lookup(at, path, false)?)?.node {
            Node::Symlink(target) => Ok(target.to_vec()),
            _ => Err(libc::EINVAL),
        }
    }

    /// A snapshot of a directory: `.`, `..`, then the names in the order in which they were made. Errors: `ENOTDIR`;
    /// `ENOENT` when it was removed.
    pub fn list(&self, directory: InodeId) -> Result<Vec<Listed>, Errno> {
        let node = self.directory(directory)?;
        if self.inode(directory)?.nlink == 0 {
            return Err(libc::ENOENT);
        }
        let own = |name: &[u8], inode, cookie| Listed { name: name.to_vec(), inode, kind: FileKind::Directory, cookie };
        let mut lines = vec![own(b".", directory, 1), own(b"..", node.parent, 2)];
        for (name, entry) in node.in_order() {
            let kind = self.inode(entry.inode)?.kind();
            lines.push(Listed { name: name.to_vec(), inode: entry.inode, kind, cookie: entry.cookie });
        }
        Ok(lines)
    }

    /// The directory and the name for something new, and whether a slash follows it.
    fn resolve_new(&self, at: InodeId, path: &[u8]) -> Result<(InodeId, Name, bool), Errno> {
        match self.resolve(at, path, Last::Name)? {
            Resolved { directory, tail: Tail::Name(name), inode: None, slash } => {
                if self.inode(directory)?.nlink == 0 {
                    return Err(libc::ENOENT);
                }
                self.may_add_to(directory)?;
                Ok((directory, name, slash))
            }
            _ => Err(libc::EEXIST),
        }
    }

    /// Makes an inode with one name, which must be free, in a directory that has not been removed.
    pub(crate) fn create(&mut self, parent: InodeId, name: &Name, node: Node, mode: u32, now_ns: i64) -> InodeId {
        let is_directory = matches!(node, Node::Directory(_));
        let mut made_by = Vec::new();
        if is_directory {
            self.needs_of_home(parent, &mut made_by);
        }
        let inode = self.add_inode(Inode::new(node, mode, now_ns));
        self.slot(inode).nlink = if is_directory { 2 } else { 1 };
        let op = self.enter(parent, name, inode, now_ns);
        if is_directory {
            self.slot(parent).nlink += 1;
            made_by.push(op);
            self.directory_slot(inode).made_by = made_by;
        }
        inode
    }

    fn enter(&mut self, directory: InodeId, name: &Name, inode: InodeId, now_ns: i64) -> OpId {
        let entry = self.directory_slot(directory).set(name, inode);
        let times = &mut self.slot(directory).times;
        (times.modified_ns, times.changed_ns) = (now_ns, now_ns);
        let op = self.pend(vec![Change { directory, name: name.clone(), entry: Some(entry) }], false, Vec::new());
        self.settle();
        op
    }

    fn leave(&mut self, directory: InodeId, name: &[u8], now_ns: i64) {
        self.directory_slot(directory).remove(name);
        let times = &mut self.slot(directory).times;
        (times.modified_ns, times.changed_ns) = (now_ns, now_ns);
    }
}
