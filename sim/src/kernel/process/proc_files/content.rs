//! The makers of all files, and the making of one when it is opened.
//! Which files there are at a moment is in `tree`.

use super::view::View;
use super::{control_group, limits, machine, process, settings, sockets, status};
use crate::kernel::dispatch::Kernel;
use crate::kernel::fs::disk::{OpenFile, PseudoContent};
use crate::kernel::sched::thread::ThreadId;

/// Makes the content of a file.
pub(super) type Maker = fn(&View<'_>) -> String;

/// The files of the machine.
pub(super) const MACHINE: [(&str, Maker); 25] = [
    ("/proc/cpuinfo", machine::processors),
    ("/proc/filesystems", machine::file_systems),
    ("/proc/loadavg", machine::load),
    ("/proc/meminfo", machine::memory),
    ("/proc/stat", machine::statistics),
    ("/proc/uptime", machine::uptime),
    ("/proc/version", machine::version),
    ("/proc/sys/fs/file-max", settings::descriptors_max),
    ("/proc/sys/fs/nr_open", settings::descriptors_max),
    ("/proc/sys/kernel/hostname", settings::host_name),
    ("/proc/sys/kernel/osrelease", settings::release),
    ("/proc/sys/kernel/ostype", settings::system),
    ("/proc/sys/kernel/pid_max", settings::process_number_max),
    ("/proc/sys/kernel/random/boot_id", settings::boot_id),
    (UUID, settings::no_text),
    ("/proc/sys/kernel/threads-max", settings::threads_max),
    ("/proc/sys/kernel/version", settings::version),
    ("/proc/sys/net/core/somaxconn", settings::backlog_max),
    ("/proc/sys/net/ipv4/ip_local_port_range", settings::ephemeral_ports),
    ("/proc/sys/vm/max_map_count", settings::mappings_max),
    ("/proc/sys/vm/overcommit_memory", settings::zero),
    ("/proc/sys/vm/swappiness", settings::zero),
    ("/sys/devices/system/cpu/online", control_group::processors),
    ("/sys/devices/system/cpu/possible", control_group::processors),
    ("/sys/devices/system/cpu/present", control_group::processors),
];

/// The files of the control group. A machine has them if it has a memory budget: programs that find a group without limits look for
/// no other.
pub(super) const OF_GROUP: [(&str, Maker); 18] = [
    ("/sys/fs/cgroup/cgroup.controllers", control_group::controllers),
    ("/sys/fs/cgroup/cgroup.procs", control_group::processes),
    ("/sys/fs/cgroup/cgroup.type", control_group::kind),
    ("/sys/fs/cgroup/cpu.max", control_group::processor_quota),
    ("/sys/fs/cgroup/cpu.stat", control_group::processor_use),
    ("/sys/fs/cgroup/cpu.weight", control_group::processor_weight),
    ("/sys/fs/cgroup/cpuset.cpus.effective", control_group::processors),
    ("/sys/fs/cgroup/memory.current", control_group::memory_now),
    ("/sys/fs/cgroup/memory.high", control_group::unlimited),
    ("/sys/fs/cgroup/memory.low", settings::zero),
    ("/sys/fs/cgroup/memory.max", control_group::memory_max),
    ("/sys/fs/cgroup/memory.min", settings::zero),
    ("/sys/fs/cgroup/memory.peak", control_group::memory_peak),
    ("/sys/fs/cgroup/memory.stat", control_group::memory_use),
    ("/sys/fs/cgroup/memory.swap.current", settings::zero),
    ("/sys/fs/cgroup/memory.swap.max", settings::zero),
    ("/sys/fs/cgroup/pids.current", control_group::threads),
    ("/sys/fs/cgroup/pids.max", control_group::unlimited),
];

/// The files of the process, below its directory.
pub(super) const OF_PROCESS: [(&str, Maker); 15] = [
    ("/cgroup", process::control_group),
    ("/cmdline", process::command_line),
    ("/comm", process::name),
    ("/limits", limits::limits),
    ("/mountinfo", process::mounts_in_detail),
    ("/mounts", process::mounts),
    ("/net/tcp", sockets::tcp4),
    ("/net/tcp6", sockets::tcp6),
    ("/net/udp", sockets::udp4),
    ("/net/udp6", sockets::udp6),
    ("/oom_score", settings::zero),
    ("/oom_score_adj", settings::zero),
    ("/stat", process::statistics),
    ("/statm", process::memory),
    ("/status", status::of_process),
];

/// The files of a thread, below its directory.
pub(super) const OF_THREAD: [(&str, Maker); 3] =
    [("/comm", process::name), ("/stat", process::statistics), ("/status", status::of_thread)];

/// A file with other content each time.
const UUID: &str = "/proc/sys/kernel/random/uuid";

/// The number of a file's content: the index of its maker among all, and the number of its thread, if it is about one.
pub(super) fn number(index: usize, thread: Option<u32>) -> PseudoContent {
    (index as u64) << 32 | u64::from(thread.unwrap_or(0))
}

/// The path and the maker of the file with this index.
fn entry(index: usize) -> Option<&'static (&'static str, Maker)> {
    static ALL: [&[(&str, Maker)]; 4] = [&MACHINE, &OF_GROUP, &OF_PROCESS, &OF_THREAD];
    ALL.iter().copied().flatten().nth(index)
}

impl Kernel {
    /// Makes the content of a pseudo file that a thread opens, as of this moment. A process's own directory appears as
    /// `/proc/self` in reports, whatever its number.
    pub(crate) fn make_pseudo_file(&mut self, me: ThreadId, file: &mut OpenFile) {
        let node = self.sched[me].node();
        let own = format!("/proc/{}/", self.process_number(node));
        if let Some(rest) = file.path.strip_prefix(&own) {
            file.path = format!("/proc/self/{rest}");
        }
        let Some(content) = self.process[node].disk().pseudo_content(file.inode) else { return };
        let Some((path, make)) = entry((content >> 32) as usize) else { return };
        let text = if *path == UUID {
            let mut random = [0; 16];
            self.fill_random(me, &mut &mut random[..]);
            settings::uuid(random)
        } else {
            let thread = self.process[node].threads().get(content as u32 as usize).copied().unwrap_or(me);
            make(&View { kernel: self, node, thread })
        };
        file.made = Some(text.into_bytes().into());
    }
}
