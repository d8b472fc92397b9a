//! The paths of files whose content is made when they are opened. On the disk they are empty, as `stat` shows them on Linux.

/// Directories, parents first.
pub(in crate::kernel::fs) const DIRECTORIES: [&str; 18] = [
    "/proc/self/fd",
    "/proc/self/task",
    "/proc/sys",
    "/proc/sys/fs",
    "/proc/sys/kernel",
    "/proc/sys/kernel/random",
    "/proc/sys/net",
    "/proc/sys/net/core",
    "/proc/sys/net/ipv4",
    "/proc/sys/vm",
    "/sys",
    "/sys/devices",
    "/sys/devices/system",
    "/sys/devices/system/cpu",
    "/sys/kernel",
    "/sys/kernel/mm",
    "/sys/kernel/mm/transparent_hugepage",
    "/sys/fs",
];

/// Files that every machine has.
pub(in crate::kernel::fs) const FILES: [&str; 36] = [
    "/proc/self/comm",
    "/proc/self/environ",
    "/proc/self/io",
    "/proc/self/limits",
    "/proc/self/mounts",
    "/proc/self/oom_score",
    "/proc/self/oom_score_adj",
    "/proc/self/stat",
    "/proc/self/statm",
    "/proc/self/status",
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/mounts",
    "/proc/stat",
    "/proc/uptime",
    "/proc/version",
    "/proc/sys/fs/file-max",
    "/proc/sys/fs/nr_open",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/ostype",
    "/proc/sys/kernel/pid_max",
    "/proc/sys/kernel/threads-max",
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/kernel/random/uuid",
    "/proc/sys/net/core/somaxconn",
    "/proc/sys/net/ipv4/ip_local_port_range",
    "/proc/sys/net/ipv4/tcp_keepalive_time",
    "/proc/sys/vm/max_map_count",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu/online",
    "/sys/devices/system/cpu/possible",
    "/sys/devices/system/cpu/present",
    "/sys/kernel/mm/transparent_hugepage/enabled",
];

/// The directory and the files of the process's control group. A machine has them if it has a memory budget: libraries that find the
/// group's limits look no further.
pub(in crate::kernel::fs) const GROUP: &str = "/sys/fs/cgroup";
pub(in crate::kernel::fs) const GROUP_FILES: [&str; 7] = [
    "/sys/fs/cgroup/cgroup.controllers",
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/cpu.max",
    "/sys/fs/cgroup/memory.current",
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory.peak",
    "/sys/fs/cgroup/pids.max",
];

/// Returns whether this can be one of the paths above. No program can write there.
pub(in crate::kernel::fs) fn is_made_at_open(path: &[u8]) -> bool {
    path.starts_with(b"/proc/") || path.starts_with(b"/sys/")
}
