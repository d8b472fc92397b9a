//! `/proc` and `/sys` of a machine: clocks, memory, processors, settings, control groups.

use crate::event::NodeId;
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::pid;
use crate::kernel::sched::choice::{identity, join};
use crate::kernel::sched::clock::Clock;
use crate::kernel::sched::thread::ThreadId;
use crate::kernel::settings::{MEMORY_BYTES, PROCESSORS};

/// The one file system.
pub(super) const MOUNTS: &str = "simfs / simfs rw 0 0\n";

const SECOND_NS: u64 = 1_000_000_000;

impl Kernel {
    /// The content of a file of the machine.
    pub(super) fn of_machine(&self, me: ThreadId, path: &str) -> Option<String> {
        let node = self.sched[me].node();
        if let Some(file) = path.strip_prefix("/sys/fs/cgroup/") {
            return self.of_group(node, file);
        }
        let all = PROCESSORS - 1;
        Some(match path {
            "/proc/cpuinfo" => (0..PROCESSORS).map(processor).collect(),
            "/proc/filesystems" => "nodev\tsimfs\n".to_owned(),
            "/proc/loadavg" => format!("0.00 0.00 0.00 1/1 {}\n", self.pid(node)),
            "/proc/meminfo" => self.memory_text(node),
            "/proc/mounts" => MOUNTS.to_owned(),
            "/proc/stat" => self.stat_text(node),
            "/proc/uptime" => {
                let ns = self.up_ns(node);
                let hundredths = ns % SECOND_NS / 10_000_000;
                format!("{0}.{hundredths:02} {0}.{hundredths:02}\n", ns / SECOND_NS)
            }
            "/proc/version" => "Linux version 6.1.0 (root@simulation) #1 SMP\n".to_owned(),
            "/proc/sys/fs/file-max" => "9223372036854775807\n".to_owned(),
            "/proc/sys/fs/nr_open" => format!("{}\n", self.process[node].descriptors().slots_max()),
            "/proc/sys/kernel/hostname" => format!("{}\n", self.process[node].name()),
            "/proc/sys/kernel/osrelease" => "6.1.0\n".to_owned(),
            "/proc/sys/kernel/ostype" => "Linux\n".to_owned(),
            "/proc/sys/kernel/pid_max" => "4194304\n".to_owned(),
            "/proc/sys/kernel/threads-max" => "127000\n".to_owned(),
            "/proc/sys/kernel/random/boot_id" => self.boot_id(node),
            "/proc/sys/net/core/somaxconn" => "4096\n".to_owned(),
            "/proc/sys/net/ipv4/ip_local_port_range" => "49152\t65535\n".to_owned(),
            "/proc/sys/net/ipv4/tcp_keepalive_time" => "7200\n".to_owned(),
            "/proc/sys/vm/max_map_count" => "65530\n".to_owned(),
            "/proc/sys/vm/overcommit_memory" => "0\n".to_owned(),
            "/sys/devices/system/cpu/online"
            | "/sys/devices/system/cpu/possible"
            | "/sys/devices/system/cpu/present" => {
                format!("0-{all}\n")
            }
            "/sys/kernel/mm/transparent_hugepage/enabled" => "always [madvise] never\n".to_owned(),
            _ => return None,
        })
    }

    /// The time since the machine booted: its monotonic clock.
    pub(crate) fn up_ns(&self, node: NodeId) -> u64 {
        self.node_time_ns(node, Clock::Monotonic).max(0) as u64
    }

    fn pid(&self, node: NodeId) -> i32 {
        pid::of(node, self.process[node].incarnation())
    }

    /// The memory of a machine, and the part in use.
    pub(crate) fn memory_bytes(&self, node: NodeId) -> (u64, u64) {
        let memory = self.process[node].memory();
        let used = memory.used().map_or(0, |(live, _)| live);
        (memory.budget().unwrap_or(MEMORY_BYTES), used)
    }

    fn memory_text(&self, node: NodeId) -> String {
        let (total, used) = self.memory_bytes(node);
        let (total, free) = (total >> 10, total.saturating_sub(used) >> 10);
        let rows = [("MemTotal", total), ("MemFree", free), ("MemAvailable", free)];
        let none =
            ["Buffers", "Cached", "SwapCached", "SwapTotal", "SwapFree", "Dirty", "Shmem", "Slab", "SReclaimable"];
        let rows = rows.into_iter().chain(none.map(|name| (name, 0)));
        rows.map(|(name, kib)| format!("{:<15} {kib:>8} kB\n", format!("{name}:"))).collect()
    }

    fn stat_text(&self, node: NodeId) -> String {
        let idle = self.up_ns(node) / 10_000_000;
        let line = |name: String, idle: u64| format!("{name} 0 0 0 {idle} 0 0 0 0 0 0\n");
        let mut text = line("cpu ".to_owned(), idle * PROCESSORS as u64);
        text.extend((0..PROCESSORS).map(|number| line(format!("cpu{number}"), idle)));
        let booted_s = (self.wall_ns(node).max(0) as u64).saturating_sub(self.up_ns(node)) / SECOND_NS;
        text + &format!("intr 0\nctxt 0\nbtime {booted_s}\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n")
    }

    /// The files of the process's control group, which has the machine to itself.
    fn of_group(&self, node: NodeId, file: &str) -> Option<String> {
        let memory = self.process[node].memory();
        let (live, peak) = memory.used()?;
        Some(match file {
            "cgroup.controllers" => "cpu memory pids\n".to_owned(),
            "cgroup.procs" => format!("{}\n", self.pid(node)),
            "cpu.max" => "max 100000\n".to_owned(),
            "memory.current" => format!("{live}\n"),
            "memory.max" => format!("{}\n", memory.budget()?),
            "memory.peak" => format!("{peak}\n"),
            "pids.max" => "max\n".to_owned(),
            _ => return None,
        })
    }

    /// The identity of the machine's present boot: another one after each power loss.
    fn boot_id(&self, node: NodeId) -> String {
        let process = &self.process[node];
        let (low, high) = (join(process.key(), u64::from(process.lifecycle().boots())), identity("boot"));
        uuid(low, join(low, high))
    }

    /// A random identifier, from the process's own random bytes.
    pub(super) fn random_uuid(&mut self, me: ThreadId) -> String {
        let (low, high) = (self.sched.entropy(me), self.sched.entropy(me));
        uuid(low, high)
    }
}

/// An identifier of version 4, as RFC 9562 writes it.
fn uuid(low: u64, high: u64) -> String {
    let (time, version) = (high >> 32, high & 0xfff);
    let (middle, variant, rest) = (high >> 16 & 0xffff, low >> 48 & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
    format!("{time:08x}-{middle:04x}-4{version:03x}-{variant:04x}-{rest:012x}\n")
}

/// The lines of a processor.
fn processor(number: usize) -> String {
    format!(
        "processor\t: {number}\nvendor_id\t: Simulated\ncpu family\t: 6\nmodel\t\t: 1\nmodel name\t: Simulated processor\n\
         stepping\t: 1\ncpu MHz\t\t: 1000.000\ncache size\t: 1024 KB\nphysical id\t: 0\nsiblings\t: {PROCESSORS}\n\
         core id\t\t: {number}\ncpu cores\t: {PROCESSORS}\nflags\t\t: fpu tsc\nbogomips\t: 2000.00\n\n"
    )
}
