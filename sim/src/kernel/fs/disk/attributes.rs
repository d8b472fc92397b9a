//! Attributes of inodes and of the disk: `stat`, `chmod`, `utimens`, `access`, `statfs`.
//! Attributes are durable at once; data and names, in other files, are not.

use super::file_kind::FileKind;
use super::inode::{Inode, Node};
use super::number::{InodeId, is_pseudo};
use super::page::{PAGE, PAGE_BYTES, SECTOR};
use super::path::NAME_BYTES_MAX;
use super::pseudo::PSEUDO_DEVICE;
use super::{Disk, Errno};

/// The magic number of ext4, which programs look at to decide what they may rely on.
const EXT4_SUPER_MAGIC: u64 = 0xEF53;

/// More files than any run makes. No limit is enforced.
const FILES_MAX: u64 = 1 << 24;

/// The attributes of an inode, as `struct stat` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Device number of the disk.
    pub dev: u64,
    /// Inode number.
    pub ino: InodeId,
    /// Its kind.
    pub kind: FileKind,
    /// File type bits and permission bits.
    pub mode: u32,
    /// Names; 0 when it was unlinked but is open.
    pub nlink: u64,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Device number that a device file stands for, else 0.
    pub rdev: u64,
    /// Bytes.
    pub size: u64,
    /// Booked 512-byte blocks; less than the size for a sparse file.
    pub blocks: u64,
    /// Bytes of one page: the preferred size of a transfer.
    pub block_bytes: u64,
    /// Last access. Reads do not move it, as on a disk mounted `noatime`.
    pub accessed_ns: i64,
    /// Last change of the content.
    pub modified_ns: i64,
    /// Last change of the inode.
    pub changed_ns: i64,
    /// Creation.
    pub born_ns: i64,
}

/// The numbers of `statfs(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statfs {
    /// Magic number of the file system type: ext4, or that of a tree of pseudo files.
    pub magic: u64,
    /// Bytes of one block.
    pub block_bytes: u64,
    /// Blocks in all.
    pub blocks: u64,
    /// Blocks that are free.
    pub blocks_free: u64,
    /// Inodes in all.
    pub files: u64,
    /// Inodes that are free.
    pub files_free: u64,
    /// Bytes of the longest name.
    pub name_bytes_max: u64,
}

impl Disk {
    /// The attributes of the inode at `path`; `follow` follows a symbolic link at its end (`stat` instead of `lstat`). Errors: as
    /// for [`Disk::lookup`].
    pub fn stat(&self, at: InodeId, path: &[u8], follow: bool) -> Result<Stat, Errno> {
        self.stat_inode(self.lookup(at, path, follow)?)
    }

    /// Attributes of an inode (`fstat`). Errors: `EBADF` when there is none.
    pub fn stat_inode(&self, inode: InodeId) -> Result<Stat, Errno> {
        let node = self.inode(inode)?;
        let kind = node.kind();
        Ok(Stat {
            dev: if is_pseudo(inode) { PSEUDO_DEVICE } else { self.dev },
            ino: inode,
            kind,
            mode: kind.mode_bits() | node.mode,
            nlink: node.nlink,
            uid: node.uid,
            gid: node.gid,
            rdev: if let FileKind::Device(device) = kind { device.rdev() } else { 0 },
            size: node.size(),
            blocks: node.allocated() * (PAGE / SECTOR),
            block_bytes: PAGE_BYTES as u64,
            accessed_ns: node.times.accessed_ns,
            modified_ns: node.times.modified_ns,
            changed_ns: node.times.changed_ns,
            born_ns: node.times.born_ns,
        })
    }

    /// The kind of an inode. Errors: `EBADF` when there is none.
    pub fn kind(&self, inode: InodeId) -> Result<FileKind, Errno> {
        Ok(self.inode(inode)?.kind())
    }

    /// Sets the permission bits. Errors: `EOPNOTSUPP` for a symbolic link.
    pub fn chmod(&mut self, inode: InodeId, mode: u32, now_ns: i64) -> Result<(), Errno> {
        let node = self.inode_mut(inode)?;
        if let Node::Symlink(_) = node.node {
            return Err(libc::EOPNOTSUPP);
        }
        node.mode = mode & 0o7777;
        node.times.changed_ns = now_ns;
        Ok(())
    }

    /// Sets owner and group; `None` leaves one as it is.
    pub fn chown(&mut self, inode: InodeId, uid: Option<u32>, gid: Option<u32>, now_ns: i64) -> Result<(), Errno> {
        let node = self.inode_mut(inode)?;
        node.uid = uid.unwrap_or(node.uid);
        node.gid = gid.unwrap_or(node.gid);
        node.times.changed_ns = now_ns;
        Ok(())
    }

    /// Sets the times of last access and of last change; `None` leaves one as it is (`UTIME_OMIT`).
    pub fn set_times(
        &mut self,
        inode: InodeId,
        accessed_ns: Option<i64>,
        modified_ns: Option<i64>,
        now_ns: i64,
    ) -> Result<(), Errno> {
        let times = &mut self.inode_mut(inode)?.times;
        times.accessed_ns = accessed_ns.unwrap_or(times.accessed_ns);
        times.modified_ns = modified_ns.unwrap_or(times.modified_ns);
        times.changed_ns = now_ns;
        Ok(())
    }

    /// Checks that root may use the inode at `path` in this way (`F_OK`, or bits of `R_OK`, `W_OK`, `X_OK`). Errors:
    /// `EACCES` for `X_OK` on a file that nobody may execute, `EINVAL` for other bits, and those of a path.
    pub fn access(&self, at: InodeId, path: &[u8], mode: i32, follow: bool) -> Result<(), Errno> {
        if mode & !(libc::R_OK | libc::W_OK | libc::X_OK) != 0 {
            return Err(libc::EINVAL);
        }
        let node: &Inode = self.inode(self.lookup(at, path, follow)?)?;
        let executable = node.is_directory() || node.mode & 0o111 != 0;
        if mode & libc::X_OK != 0 && !executable { Err(libc::EACCES) } else { Ok(()) }
    }

    /// The size and the free space of the file system that holds an inode: the disk, or a tree of pseudo files.
    pub fn statfs(&self, inode: InodeId) -> Statfs {
        if let Some(magic) = self.pseudo.magic(inode) {
            let name_bytes_max = NAME_BYTES_MAX as u64;
            return Statfs {
                magic,
                block_bytes: PAGE,
                blocks: 0,
                blocks_free: 0,
                files: 0,
                files_free: 0,
                name_bytes_max,
            };
        }
        let files_used = self.inodes.iter().flatten().count() as u64;
        Statfs {
            magic: EXT4_SUPER_MAGIC,
            block_bytes: PAGE,
            blocks: self.capacity_pages,
            blocks_free: self.free_pages(),
            files: FILES_MAX,
            files_free: FILES_MAX.saturating_sub(files_used),
            name_bytes_max: NAME_BYTES_MAX as u64,
        }
    }
}
