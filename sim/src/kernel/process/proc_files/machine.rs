//! The machine: processors, memory, time since boot.

use super::view::View;
use crate::kernel::process::machine::{PROCESSORS, RELEASE, VERSION};
use std::fmt::Write;

/// `cpuinfo`, without the features of a processor: the real one's are in force, which `cpuid` tells.
pub(super) fn processors(_view: &View<'_>) -> String {
    let mut text = String::new();
    for number in 0..PROCESSORS {
        let _ = write!(
            text,
            "\
processor\t: {number}
vendor_id\t: Simulated
cpu family\t: 6
model\t\t: 1
model name\t: Simulated processor
stepping\t: 1
cpu MHz\t\t: 1000.000
physical id\t: 0
siblings\t: {PROCESSORS}
core id\t\t: {number}
cpu cores\t: {PROCESSORS}

"
        );
    }
    text
}

/// `filesystems`.
pub(super) fn file_systems(_view: &View<'_>) -> String {
    "nodev\tsysfs\nnodev\tproc\nnodev\tcgroup2\nnodev\tsimfs\n".to_owned()
}

/// `loadavg`: nothing is computed in no time, so nobody waits for a processor.
pub(super) fn load(view: &View<'_>) -> String {
    format!("0.00 0.00 0.00 1/{} {}\n", view.threads(), view.number())
}

/// `meminfo`.
pub(super) fn memory(view: &View<'_>) -> String {
    let kib = |bytes: u64| bytes / 1024;
    let (total, free) = (kib(view.machine().memory_bytes()), kib(view.machine().free_memory_bytes()));
    let used = kib(view.machine().used_memory_bytes().0);
    let mut text = String::new();
    for (name, size) in [
        ("MemTotal", total),
        ("MemFree", free),
        ("MemAvailable", free),
        ("Buffers", 0),
        ("Cached", 0),
        ("SwapCached", 0),
        ("Active", used),
        ("Inactive", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Dirty", 0),
        ("Writeback", 0),
        ("AnonPages", used),
        ("Mapped", 0),
        ("Shmem", 0),
        ("Slab", 0),
        ("SReclaimable", 0),
        ("SUnreclaim", 0),
        ("CommitLimit", total),
        ("Committed_AS", used),
        ("VmallocTotal", 0),
        ("VmallocUsed", 0),
        ("VmallocChunk", 0),
    ] {
        let _ = writeln!(text, "{:15} {size:8} kB", format!("{name}:"));
    }
    text
}

/// `stat`: the time of processors, and the moment of boot.
pub(super) fn statistics(view: &View<'_>) -> String {
    let (used, idle) = (view.used_ticks(), view.idle_ticks());
    let mut text = format!("cpu  {used} 0 0 {idle} 0 0 0 0 0 0\n");
    for number in 0..PROCESSORS {
        // The process runs on the first one.
        let used = if number == 0 { used } else { 0 };
        let idle = (view.idle_ticks() + view.used_ticks()) / PROCESSORS as u64 - used;
        let _ = writeln!(text, "cpu{number} {used} 0 0 {idle} 0 0 0 0 0 0");
    }
    let (boot, threads) = (view.booted_s(), view.machine().threads().len());
    let _ = write!(text, "intr 0\nctxt 0\nbtime {boot}\nprocesses {threads}\nprocs_running 1\nprocs_blocked 0\n");
    text
}

/// `uptime`: seconds since boot, and idle seconds of all processors.
pub(super) fn uptime(view: &View<'_>) -> String {
    let hundredths = |ticks: u64| format!("{}.{:02}", ticks / 100, ticks % 100);
    let up = u64::try_from(view.uptime_ns()).unwrap_or(0) / 10_000_000;
    format!("{} {}\n", hundredths(up), hundredths(view.idle_ticks()))
}

/// `version`.
pub(super) fn version(_view: &View<'_>) -> String {
    format!("Linux version {RELEASE} (afterlife@simulation) {VERSION}\n")
}
