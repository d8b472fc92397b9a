//! The kinds of file, and of operations on them.

/// A character device of `/dev`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// Reads end at once, writes vanish.
    Null,
    /// Reads give zeros, writes vanish.
    Zero,
    /// Reads give random bytes. The caller answers them, since the disk draws none.
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

/// The kind of an inode.
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
    /// The name of a Unix socket.
    Socket,
}

impl FileKind {
    /// Its number in `readdir` (`DT_REG` and the like).
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

/// The operations that an error can be marked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoKind {
    /// `read` and its kin.
    Read,
    /// `write` and its kin.
    Write,
    /// `fsync`, `fdatasync`, `sync_file_range`.
    Sync,
}
