//! Open file descriptions: `open`, `read`, `write`, `lseek`, `close`.
//! The table of descriptors belongs to the process.

use super::directory::Name;
use super::file_kind::FileKind;
use super::inode::{Inode, Node};
use super::lock::Owner;
use super::number::{InodeId, is_pseudo};
use super::path::{Last, Tail};
use super::{Disk, Errno};
use crate::kernel::sink::Sink;

/// An open file description. Descriptors that were duplicated share one.
#[derive(Debug)]
pub struct OpenFile {
    /// The open inode.
    pub inode: InodeId,
    /// The position in bytes; in a directory, the cookie after which a listing continues.
    pub pos: u64,
    /// Opened for reading.
    pub readable: bool,
    /// Opened for writing.
    pub writable: bool,
    /// Each write goes to the end.
    pub append: bool,
    /// Each write is synced before it returns (`O_SYNC`, `O_DSYNC`).
    pub synced: bool,
    /// The absolute path under which it was opened, for reports.
    pub path: String,
    /// Number of the description, never given twice on one disk: the owner of its `flock` and its `F_OFD` locks.
    pub description: u64,
    epoch: u64,
    /// The number of failed write-backs of the file that it has reported.
    failures_seen: u64,
    /// The content of a pseudo file, as of its opening.
    pub(crate) made: Option<Box<[u8]>>,
}

impl Disk {
    /// Opens `path` as `open(2)` does with `flags` (of libc); `mode` is for a new file, with the umask already applied.
    /// Errors: those of a path, `EEXIST`, `EISDIR`, `ENOTDIR`, `ELOOP` for a link under `O_NOFOLLOW`.
    pub fn open(&mut self, at: InodeId, path: &[u8], flags: i32, mode: u32, now_ns: i64) -> Result<OpenFile, Errno> {
        let has = |flag: i32| flags & flag == flag;
        if has(libc::O_PATH) {
            return self.open_path(at, path, flags);
        }
        if has(libc::O_TMPFILE) {
            return self.open_nameless(at, path, flags, mode, now_ns);
        }
        if has(libc::O_CREAT) && has(libc::O_DIRECTORY) {
            return Err(libc::EINVAL);
        }
        let exclusive = has(libc::O_CREAT) && has(libc::O_EXCL);
        let last = if exclusive || has(libc::O_NOFOLLOW) { Last::Stay } else { Last::Follow };
        let resolved = self.resolve(at, path, last)?;
        let (readable, writable) = match flags & libc::O_ACCMODE {
            libc::O_RDONLY => (true, false),
            libc::O_WRONLY => (false, true),
            libc::O_RDWR => (true, true),
            _ => return Err(libc::EINVAL),
        };
        let full_path = self.path_of(&resolved);
        let inode = match resolved.inode {
            Some(_) if exclusive => return Err(libc::EEXIST),
            Some(inode) => {
                let kind = self.inode(inode)?.kind();
                if has(libc::O_DIRECTORY) && kind != FileKind::Directory {
                    return Err(libc::ENOTDIR);
                }
                if is_pseudo(inode) && (writable || has(libc::O_TRUNC)) && kind == FileKind::File {
                    return Err(libc::EACCES);
                }
                match kind {
                    FileKind::Symlink => return Err(libc::ELOOP),
                    FileKind::Socket => return Err(libc::ENXIO),
                    FileKind::Directory if writable || has(libc::O_CREAT) || has(libc::O_TRUNC) => {
                        return Err(libc::EISDIR);
                    }
                    FileKind::File if has(libc::O_TRUNC) => self.truncate(inode, 0, now_ns)?,
                    _ => {}
                }
                inode
            }
            None => {
                if !has(libc::O_CREAT) || self.inode(resolved.directory)?.nlink == 0 {
                    return Err(libc::ENOENT);
                }
                if resolved.slash {
                    return Err(libc::EISDIR);
                }
                self.may_add_to(resolved.directory)?;
                let Tail::Name(name) = &resolved.tail else { return Err(libc::EISDIR) };
                self.create(resolved.directory, &Name::clone(name), Node::File(Default::default()), mode, now_ns)
            }
        };
        let mut file = self.describe(inode, full_path);
        (file.readable, file.writable) = (readable, writable);
        file.append = has(libc::O_APPEND);
        file.synced = has(libc::O_DSYNC);
        Ok(file)
    }

    /// A file in a directory that has no name, and may get one by [`Disk::link_inode`] unless `O_EXCL` forbids it.
    fn open_nameless(
        &mut self,
        at: InodeId,
        path: &[u8],
        flags: i32,
        mode: u32,
        now_ns: i64,
    ) -> Result<OpenFile, Errno> {
        let readable = match flags & libc::O_ACCMODE {
            libc::O_WRONLY => false,
            libc::O_RDWR => true,
            _ => return Err(libc::EINVAL),
        };
        let directory = self.lookup(at, path, true)?;
        self.directory(directory)?;
        if is_pseudo(directory) {
            return Err(libc::EOPNOTSUPP);
        }
        let mut node = Inode::new(Node::File(Default::default()), mode, now_ns);
        node.linkable = flags & libc::O_EXCL == 0;
        let inode = self.add_inode(node);
        let mut file = self.describe(inode, self.directory_path(directory));
        (file.readable, file.writable) = (readable, true);
        file.append = flags & libc::O_APPEND != 0;
        file.synced = flags & libc::O_DSYNC == libc::O_DSYNC;
        Ok(file)
    }

    fn open_path(&mut self, at: InodeId, path: &[u8], flags: i32) -> Result<OpenFile, Errno> {
        let last = if flags & libc::O_NOFOLLOW != 0 { Last::Stay } else { Last::Follow };
        let resolved = self.resolve(at, path, last)?;
        let inode = resolved.inode.ok_or(libc::ENOENT)?;
        if flags & libc::O_DIRECTORY != 0 && !self.inode(inode)?.is_directory() {
            return Err(libc::ENOTDIR);
        }
        let full_path = self.path_of(&resolved);
        Ok(self.describe(inode, full_path))
    }

    fn describe(&mut self, inode: InodeId, path: Result<Vec<u8>, Errno>) -> OpenFile {
        self.retain(inode);
        self.descriptions += 1;
        OpenFile {
            inode,
            pos: 0,
            readable: false,
            writable: false,
            append: false,
            synced: false,
            path: String::from_utf8_lossy(&path.unwrap_or_default()).into_owned(),
            description: self.descriptions,
            epoch: self.epoch,
            failures_seen: self.inode(inode).map_or(0, |node| node.failures.at_open()),
            made: None,
        }
    }

    /// Closes a description when its last descriptor is closed, with the locks that it holds. Returns whether a lock
    /// was released, so that a waiting thread may try again. A description from before the last death is dropped
    /// and changes nothing.
    ///
    /// POSIX also takes all record locks of the *process* on that file at *each* close of a descriptor: see
    /// [`Disk::release_file_locks`].
    pub fn close(&mut self, file: OpenFile) -> bool {
        if file.epoch != self.epoch {
            return false;
        }
        let freed = self.release_locks(Owner::Description(file.description));
        self.release(file.inode);
        freed
    }
}

impl OpenFile {
    /// Reads at the position and moves it. Errors: `EBADF` when not open for reading or from before a death, and those
    /// of [`Disk::read_at`].
    pub fn read(&mut self, disk: &mut Disk, mut into: &mut [u8]) -> Result<usize, Errno> {
        self.read_into(disk, &mut into)
    }

    /// As [`OpenFile::read`], into any destination.
    pub(crate) fn read_into(&mut self, disk: &mut Disk, into: &mut dyn Sink) -> Result<usize, Errno> {
        let n = self.read_into_at(disk, self.pos, into)?;
        self.pos += n as u64;
        Ok(n)
    }

    /// Reads at `offset` (`pread`) and leaves the position. Errors: as for [`OpenFile::read`].
    pub fn read_at(&self, disk: &mut Disk, offset: u64, mut into: &mut [u8]) -> Result<usize, Errno> {
        self.read_into_at(disk, offset, &mut into)
    }

    /// As [`OpenFile::read_at`], into any destination.
    pub(crate) fn read_into_at(&self, disk: &mut Disk, offset: u64, into: &mut dyn Sink) -> Result<usize, Errno> {
        self.check(disk, self.readable)?;
        if let Some(made) = &self.made {
            let rest = made.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
            let count = rest.len().min(into.len());
            into.put(0, &rest[..count]);
            return Ok(count);
        }
        disk.read_into_at(self.inode, offset, into)
    }

    /// Writes at the position, or at the end for `O_APPEND`, and moves the position. Errors: `EBADF` when not open for
    /// writing or from before a death, and those of [`Disk::write_at`].
    pub fn write(&mut self, disk: &mut Disk, data: &[u8], now_ns: i64) -> Result<usize, Errno> {
        let n = self.write_unsynced(disk, None, data, now_ns)?;
        self.sync_if_asked(disk)?;
        Ok(n)
    }

    /// As [`OpenFile::write`] or, with an offset, [`OpenFile::write_at`], for a caller that syncs by itself what `O_SYNC`
    /// asks for, because its device takes time.
    pub fn write_unsynced(
        &mut self,
        disk: &mut Disk,
        offset: Option<u64>,
        data: &[u8],
        now_ns: i64,
    ) -> Result<usize, Errno> {
        let (began, n) = self.put(disk, offset.unwrap_or(self.pos), data, now_ns)?;
        if offset.is_none() {
            self.pos = began + n as u64;
        }
        Ok(n)
    }

    /// Writes at `offset` (`pwrite`) and leaves the position. With `O_APPEND` it writes at the end all the same, as
    /// Linux does. Errors: as for [`OpenFile::write`].
    pub fn write_at(&mut self, disk: &mut Disk, offset: u64, data: &[u8], now_ns: i64) -> Result<usize, Errno> {
        let n = self.write_unsynced(disk, Some(offset), data, now_ns)?;
        self.sync_if_asked(disk)?;
        Ok(n)
    }

    /// Syncs the file as [`Disk::fsync`] does. A failed write-back is reported once by each description that was open then,
    /// and by the first that was opened later if none has reported it. Errors: those of [`Disk::fsync`]; `EIO` for such a
    /// failure; `EBADF` for a description from before a death.
    pub fn sync(&mut self, disk: &mut Disk) -> Result<(), Errno> {
        self.check(disk, true)?;
        let outcome = disk.fsync(self.inode);
        self.report(disk, outcome)
    }

    /// As [`OpenFile::sync`], of [`Disk::sync_file_range`].
    pub fn sync_range(&mut self, disk: &mut Disk, offset: u64, len: u64) -> Result<(), Errno> {
        self.check(disk, true)?;
        let outcome = disk.sync_file_range(self.inode, offset, len);
        self.report(disk, outcome)
    }

    fn report(&mut self, disk: &mut Disk, outcome: Result<(), Errno>) -> Result<(), Errno> {
        if is_pseudo(self.inode) {
            return outcome;
        }
        let news = disk.inode_mut(self.inode)?.failures.report(&mut self.failures_seen);
        if news { outcome.and(Err(libc::EIO)) } else { outcome }
    }

    fn sync_if_asked(&mut self, disk: &mut Disk) -> Result<(), Errno> {
        if self.synced && disk.kind(self.inode)? == FileKind::File { self.sync(disk) } else { Ok(()) }
    }

    /// Moves the position as `lseek(2)` does. Errors: `EINVAL` for a position before the start or another `whence`,
    /// `ENXIO` from `SEEK_DATA` and `SEEK_HOLE`, `EBADF`.
    pub fn seek(&mut self, disk: &Disk, offset: i64, whence: i32) -> Result<u64, Errno> {
        self.check(disk, self.readable || self.writable)?;
        let from = |base: u64| base.checked_add_signed(offset).filter(|p| *p <= i64::MAX as u64).ok_or(libc::EINVAL);
        let start = || u64::try_from(offset).map_err(|_| libc::ENXIO);
        self.pos = match whence {
            libc::SEEK_SET => from(0)?,
            libc::SEEK_CUR => from(self.pos)?,
            libc::SEEK_END => from(disk.inode(self.inode)?.size())?,
            libc::SEEK_DATA => disk.seek_data(self.inode, start()?)?,
            libc::SEEK_HOLE => disk.seek_hole(self.inode, start()?)?,
            _ => return Err(libc::EINVAL),
        };
        Ok(self.pos)
    }

    fn put(&self, disk: &mut Disk, offset: u64, data: &[u8], now_ns: i64) -> Result<(u64, usize), Errno> {
        self.check(disk, self.writable)?;
        if self.append {
            return disk.append(self.inode, data, now_ns);
        }
        Ok((offset, disk.write_at(self.inode, offset, data, now_ns)?))
    }

    fn check(&self, disk: &Disk, allowed: bool) -> Result<(), Errno> {
        if allowed && self.epoch == disk.epoch { Ok(()) } else { Err(libc::EBADF) }
    }
}
