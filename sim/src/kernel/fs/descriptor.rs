//! Files as descriptors.

use crate::event::{Leak, NodeId};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::fs::disk::{FileKind, OpenFile};
use crate::kernel::process::fd::description::Parting;
use crate::kernel::process::fd::file_description::{Attempt, FileDescription};
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::readiness::{IN, OUT};
use crate::kernel::sink::Sink;

impl FileDescription for OpenFile {
    fn read(kernel: &mut Kernel, attempt: &mut Attempt<'_>, into: &mut impl Sink) -> Result<Blocking<usize>, Errno> {
        kernel.file_read(attempt.me(), attempt.id(), attempt.manner().offset, into)
    }

    fn write(kernel: &mut Kernel, attempt: &mut Attempt<'_>, from: &[u8]) -> Result<Blocking<usize>, Errno> {
        let is_synced = kernel.with_file(attempt.id(), |file, _, _| Ok(file.synced))?;
        attempt.require_sync(is_synced);
        kernel.file_write(attempt.me(), attempt.id(), attempt.manner().offset, from)
    }

    fn readiness(&self, _kernel: &Kernel) -> u32 {
        IN | OUT
    }

    fn can_be_watched(&self) -> bool {
        false
    }

    /// The number of bytes between the position and the end.
    fn readable_bytes(&self, kernel: &Kernel, node: NodeId) -> Result<usize, Errno> {
        let disk = kernel.process[node].storage().used().ok_or(libc::ENOTTY)?;
        let stat = disk.stat_inode(self.inode)?;
        if stat.kind != FileKind::File {
            return Err(libc::ENOTTY);
        }
        Ok(usize::try_from(stat.size.saturating_sub(self.pos)).unwrap_or(usize::MAX))
    }

    fn status_flags(&self) -> i32 {
        let access = match (self.readable, self.writable) {
            (true, true) => libc::O_RDWR,
            (false, true) => libc::O_WRONLY,
            (true, false) => libc::O_RDONLY,
            (false, false) => libc::O_PATH,
        };
        access | if self.append { libc::O_APPEND } else { 0 } | if self.synced { libc::O_DSYNC } else { 0 }
    }

    fn close(self, kernel: &mut Kernel, node: NodeId, _id: DescriptionId, _parting: Parting) {
        let freed = kernel.process[node].disk().close(self);
        if freed {
            kernel.locks_changed(node);
        }
    }

    fn leak(&self, kernel: &Kernel, node: NodeId) -> Option<(Leak, String)> {
        let is_locked = kernel.process[node].storage().used().is_some_and(|disk| disk.is_locked_by(self));
        Some((if is_locked { Leak::Lock } else { Leak::File }, self.path.clone()))
    }
}
