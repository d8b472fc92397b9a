//! The storage of a node: its disk and device, and how its process uses them (working directory, umask).

use crate::kernel::fs::disk::{Disk, DiskFault, InodeId, Loss, ROOT};
use crate::kernel::fs::system_files::SystemFiles;
use crate::kernel::sched::choice::{Choices, Question, join};

/// The umask that a process begins with, as nearly everywhere.
const UMASK: u32 = 0o022;

/// The build of a node's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskBuild {
    /// Capacity in bytes.
    pub capacity_bytes: u64,
    /// Duration of a sync, in nanoseconds: uniform between the two.
    pub sync_ns: (u64, u64),
}

impl Default for DiskBuild {
    /// The size of a common cloud volume, which is enough for programs that check it at their start; the speed of a
    /// data-centre NVMe drive.
    fn default() -> Self {
        Self { capacity_bytes: 64 << 30, sync_ns: (50_000, 500_000) }
    }
}

/// The disk of a node, and its process's view of it.
pub(crate) struct Storage {
    /// Made at the first use: an idle node costs nothing.
    disk: Option<Box<Disk>>,
    build: DiskBuild,
    /// The files of a fresh disk.
    system_files: SystemFiles,
    /// The directory that relative paths begin in; the root unless the process changed it.
    working_directory: Option<InodeId>,
    /// Permission bits that new files do not get.
    umask: u32,
    /// Extra latency of each sync.
    sync_extra_ns: u64,
    syncs: u64,
}

impl Default for Storage {
    fn default() -> Self {
        let build = DiskBuild::default();
        Self {
            disk: None,
            build,
            system_files: SystemFiles::default(),
            working_directory: None,
            umask: UMASK,
            sync_extra_ns: 0,
            syncs: 0,
        }
    }
}

/// The `st_dev` of one incarnation. Statics outlive incarnations, and C libraries cache facts about open files in them,
/// by device and inode (SQLite does): an incarnation must not find the facts of an earlier one.
fn device_number(key: u64, incarnation: u16) -> u64 {
    (key & 0xffff) | u64::from(incarnation.saturating_sub(1)) << 20
}

impl Storage {
    /// Sets the build of the disk, before its first use.
    pub(crate) fn set_build(&mut self, build: DiskBuild) {
        self.build = build;
    }

    /// Sets the files of a fresh disk, before its first use.
    pub(crate) fn set_system_files(&mut self, files: SystemFiles) {
        self.system_files = files;
    }

    /// The disk, made at its first use.
    pub(super) fn disk(&mut self, node: &str, key: u64, incarnation: u16) -> &mut Disk {
        let capacity_bytes = self.build.capacity_bytes;
        self.disk.get_or_insert_with(|| {
            let mut disk = Disk::new(device_number(key, incarnation), 0);
            disk.set_capacity(capacity_bytes);
            self.system_files.install(&mut disk, node);
            Box::new(disk)
        })
    }

    /// The disk, if it has been used.
    pub(crate) fn used(&self) -> Option<&Disk> {
        self.disk.as_deref()
    }

    /// The disk, if it has been used, to change.
    pub(crate) fn used_mut(&mut self) -> Option<&mut Disk> {
        self.disk.as_deref_mut()
    }

    /// The path of the `nth` file, from 1, in the order of paths, modulo their number; with `filled`, only files that
    /// have content count.
    pub(crate) fn nth_file(&self, nth: u32, filled: bool) -> Option<String> {
        let disk = self.disk.as_ref()?;
        let mut files = disk.files();
        files.retain(|path| !self.system_files.contain(path));
        files.retain(|path| !filled || disk.stat(ROOT, path, false).is_ok_and(|stat| stat.size > 0));
        let index = (nth.max(1) as usize - 1).checked_rem(files.len())?;
        Some(String::from_utf8_lossy(&files[index]).into_owned())
    }

    /// Returns whether the disk refuses operations at the moment.
    pub(crate) fn refuses(&self) -> bool {
        const REFUSING: [DiskFault; 4] =
            [DiskFault::FailingReads, DiskFault::FailingWrites, DiskFault::FailingSyncs, DiskFault::Full];
        self.disk.as_ref().is_some_and(|disk| REFUSING.iter().any(|fault| disk.has_fault(*fault)))
    }

    /// Removes the disk from the node.
    #[allow(dead_code, reason = "guest engines alone call this")]
    pub(crate) fn take(&mut self) -> Option<Box<Disk>> {
        self.disk.take()
    }

    /// Puts a disk into the node.
    #[allow(dead_code, reason = "guest engines alone call this")]
    pub(crate) fn put(&mut self, disk: Option<Box<Disk>>) {
        self.disk = disk;
    }

    pub(crate) fn umask(&self) -> u32 {
        self.umask
    }

    /// Sets the umask; returns the one before.
    pub(crate) fn set_umask(&mut self, umask: u32) -> u32 {
        std::mem::replace(&mut self.umask, umask)
    }

    pub(crate) fn working_directory(&self) -> InodeId {
        self.working_directory.unwrap_or(ROOT)
    }

    /// Changes the working directory; returns the one before, unless the process was still in its first.
    pub(crate) fn change_directory(&mut self, directory: InodeId) -> Option<InodeId> {
        self.working_directory.replace(directory)
    }

    /// Counts a sync; returns how many there were and the bounds of its duration.
    pub(crate) fn next_sync(&mut self) -> (u64, (u64, u64)) {
        self.syncs += 1;
        (self.syncs, self.build.sync_ns)
    }

    /// Extra latency of each sync.
    pub(crate) fn sync_extra_ns(&self) -> u64 {
        self.sync_extra_ns
    }

    /// Makes each sync take this much longer.
    pub(crate) fn slow_syncs(&mut self, extra_ns: u64) {
        self.sync_extra_ns = extra_ns;
    }

    /// The process has ended; with choices, the machine lost power as well. Returns the losses.
    pub(super) fn process_ended(&mut self, key: u64, incarnation: u16, power_lost: Option<&Choices>) -> Vec<Loss> {
        (self.working_directory, self.umask) = (None, UMASK);
        let Some(disk) = &mut self.disk else { return Vec::new() };
        disk.set_device_number(device_number(key, incarnation + 1));
        match power_lost {
            None => {
                disk.process_died();
                Vec::new()
            }
            Some(choices) => disk.power_loss(&mut |ask| {
                let who = join(key, join(u64::from(incarnation), ask.inode));
                let who = join(who, ask.what as u64);
                choices.below(Question::PowerLoss, who, ask.occurrence, ask.bound)
            }),
        }
    }
}
