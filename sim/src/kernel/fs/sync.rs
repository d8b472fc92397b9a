//! Syncing files: `fsync` and its kin take time, and wait while a device does not answer.
//! The disk decides what a sync makes durable.

use crate::event::{NodeId, Seq, What};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::fs::disk::{Disk, DiskFault, InodeId, OpenFile};
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::sched::choice::Question;
use crate::kernel::sched::thread::{State, ThreadId, Wait};

/// A wait for a device that does not answer, until it does.
pub(super) fn device_stalled<T>() -> Blocking<T> {
    Blocking::Wait(Wait::Stall, u64::MAX)
}

impl Kernel {
    /// The first half of a sync: the wait for the device.
    pub(crate) fn sync_begins(&mut self, me: ThreadId, id: DescriptionId) -> Result<Blocking<()>, Errno> {
        self.with_file(id, |_, _, _| Ok(()))?;
        Ok(self.device_begins(me))
    }

    /// The wait for the caller's device to make something durable.
    pub(crate) fn device_begins<T>(&mut self, me: ThreadId) -> Blocking<T> {
        let node = &mut self.process[self.sched[me].node()];
        let (syncs, (low, high)) = node.storage_mut().next_sync();
        let drawn_ns = self.sched.choices().between(Question::Sync, node.key(), syncs, low, high);
        let takes_ns = drawn_ns + node.storage().sync_extra_ns();
        let takes_ns = if self.waits_for_devices(me) { takes_ns } else { 0 };
        Blocking::Wait(Wait::Device, self.sched.now_ns() + takes_ns)
    }

    /// The second half: what was dirty becomes durable, unless the device stalls or fails.
    pub(crate) fn sync_ends(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        work: impl FnOnce(&mut OpenFile, &mut Disk) -> Result<(), Errno>,
        began_ns: u64,
    ) -> Result<Blocking<()>, Errno> {
        let is_stalled = self.with_file(id, |_, disk, _| Ok(disk.has_fault(DiskFault::Stalled)))?;
        if self.waits_for_device(me, is_stalled) {
            return Ok(device_stalled());
        }
        self.pull_file(id);
        let outcome = self.with_file(id, |file, disk, _| work(file, disk).map(|()| file.path.clone()));
        let path = self.report_device_error(me, id, outcome)?;
        let path = self.recorder.name(&path);
        let took_ns = self.sched.now_ns() - began_ns;
        self.emit(me, What::FileSynced { path, took_ns });
        Ok(Blocking::Done(()))
    }

    /// The second half for a file by its number: `msync`.
    pub(crate) fn inode_synced(&mut self, me: ThreadId, inode: InodeId, began_ns: u64) -> Result<Blocking<()>, Errno> {
        let node = self.sched[me].node();
        let is_stalled = self.process[node].disk().has_fault(DiskFault::Stalled);
        if self.waits_for_device(me, is_stalled) {
            return Ok(device_stalled());
        }
        let outcome = self.process[node].disk().fsync(inode);
        let path = self.recorder.name(&format!("mapping of inode {inode}"));
        match outcome {
            Ok(()) => self.emit(me, What::FileSynced { path, took_ns: self.sched.now_ns() - began_ns }),
            Err(errno) => self.emit(me, What::DiskFailed { path, errno }),
        };
        outcome.map(Blocking::Done)
    }

    /// `sync_file_range`: hands the data to the device and does not wait for its answer.
    pub(crate) fn file_write_back(
        &mut self,
        me: ThreadId,
        id: DescriptionId,
        offset: u64,
        len: u64,
    ) -> Result<Blocking<()>, Errno> {
        let is_stalled = self.with_file(id, |_, disk, _| Ok(disk.has_fault(DiskFault::Stalled)))?;
        if self.waits_for_device(me, is_stalled) {
            return Ok(device_stalled());
        }
        self.pull_file(id);
        let outcome = self.with_file(id, |file, disk, _| file.sync_range(disk, offset, len));
        self.report_device_error(me, id, outcome).map(Blocking::Done)
    }

    /// Returns whether the caller waits for a device that does not answer.
    pub(super) fn waits_for_device(&self, me: ThreadId, is_stalled: bool) -> bool {
        is_stalled && self.waits_for_devices(me)
    }

    /// A node's device answers again: wakes the threads that wait for it.
    pub(crate) fn device_answers(&mut self, node: NodeId, cause: Seq) {
        for id in self.process[node].threads().to_vec() {
            if self.sched[id].state() == State::Waiting(Wait::Stall) {
                self.sched.wake(id, cause);
            }
        }
    }
}
