//! The entries of one directory, as the system sees them and as the media hold them.
//! It does not follow paths, and it does not decide when an entry becomes durable: `journal` does.

use super::file_kind::FileKind;
use super::number::{InodeId, OpId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One component of a path: at most 255 bytes, no slash.
pub(crate) type Name = Arc<[u8]>;

/// The inode of a name. The cookie is its position in a listing, which has names in the order of their creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(super) inode: InodeId,
    pub(super) cookie: u64,
}

/// The first cookies belong to `.` and `..`.
const FIRST_COOKIE: u64 = 3;

#[derive(Clone)]
pub(crate) struct Directory {
    pub(super) parent: InodeId,
    /// The directory's own name in its parent; empty for the root.
    pub(super) name: Name,
    /// The operations that made this directory and those above it, while they may be pending. Without all of them, the
    /// directory in which it was made cannot be reached, wherever this one is now.
    pub(super) made_by: Vec<OpId>,
    pub(super) entries: BTreeMap<Name, Entry>,
    order: BTreeMap<u64, Name>,
    next_cookie: u64,
    pub(super) durable: BTreeMap<Name, Entry>,
}

impl Directory {
    pub(crate) fn new(parent: InodeId, name: Name) -> Self {
        Directory {
            parent,
            name,
            made_by: Vec::new(),
            entries: BTreeMap::new(),
            order: BTreeMap::new(),
            next_cookie: FIRST_COOKIE,
            durable: BTreeMap::new(),
        }
    }

    /// Sets the inode of a name. An existing name keeps its position in the listing.
    pub(crate) fn set(&mut self, name: &Name, inode: InodeId) -> Entry {
        let cookie = match self.entries.get(name) {
            Some(entry) => entry.cookie,
            None => {
                self.next_cookie += 1;
                self.order.insert(self.next_cookie - 1, name.clone());
                self.next_cookie - 1
            }
        };
        let entry = Entry { inode, cookie };
        self.entries.insert(name.clone(), entry);
        entry
    }

    pub(crate) fn remove(&mut self, name: &[u8]) {
        if let Some(entry) = self.entries.remove(name) {
            self.order.remove(&entry.cookie);
        }
    }

    /// Names and entries in the order in which the names were made.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (&Name, Entry)> {
        self.order.values().map(|name| (name, self.entries[name]))
    }

    /// After a power loss the system sees what the media hold.
    pub(crate) fn revert_to_durable(&mut self) {
        self.entries = self.durable.clone();
        self.order = self.entries.iter().map(|(name, entry)| (entry.cookie, name.clone())).collect();
        self.made_by.clear();
    }
}

/// One line of a directory listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The name, `.` and `..` included.
    pub name: Vec<u8>,
    /// Inode number.
    pub inode: InodeId,
    /// The kind of the inode; [`FileKind::d_type`] is its number for `readdir`.
    pub kind: FileKind,
    /// The position of this line: a listing that continues after it shows greater cookies only.
    pub cookie: u64,
}
