//! `/proc/self`: the identity, memory, threads and limits of a process.

use crate::kernel::dispatch::Kernel;
use crate::kernel::process::pid;
use crate::kernel::sched::thread::ThreadId;
use std::fmt::Write;

/// The size of a page, and the memory of a process whose allocations nobody counts.
const PAGE: u64 = 4_096;
const UNCOUNTED_BYTES: u64 = 16 << 20;

/// The ticks of `/proc/self/stat` in a second: `sysconf(_SC_CLK_TCK)`.
const TICK_NS: u64 = 10_000_000;

/// The most letters of a process's name, as `TASK_COMM_LEN` allows.
const COMM_MAX: usize = 15;

/// The measures of a process.
struct Measures {
    pid: i32,
    comm: String,
    threads: usize,
    live_bytes: u64,
    peak_bytes: u64,
    /// Processor time since the run began: as `getrusage` counts it.
    used_ns: u64,
    /// The start of the process, since the machine's.
    started_ns: u64,
}

impl Kernel {
    /// The content of a file below `/proc/self`.
    pub(super) fn of_process(&self, me: ThreadId, path: &str) -> Option<String> {
        Some(match path.strip_prefix("/proc/self/")? {
            "comm" => self.measures(me).comm + "\n",
            // The environment of a process of the simulation is the harness's own.
            "environ" => String::new(),
            "io" => "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n"
                .to_owned(),
            "limits" => self.limits_text(me),
            "mounts" => super::machine::MOUNTS.to_owned(),
            "oom_score" | "oom_score_adj" => "0\n".to_owned(),
            "stat" => stat(&self.measures(me)),
            "statm" => statm(&self.measures(me)),
            "status" => status(&self.measures(me)),
            _ => return None,
        })
    }

    fn measures(&self, me: ThreadId) -> Measures {
        let id = self.sched[me].node();
        let node = &self.process[id];
        let is_live = |thread: &&ThreadId| self.sched[**thread].is_live();
        let (live_bytes, peak_bytes) = node.memory().used().unwrap_or((UNCOUNTED_BYTES, UNCOUNTED_BYTES));
        Measures {
            pid: pid::of(id, node.incarnation()),
            comm: node.name().chars().take(COMM_MAX).collect(),
            threads: node.threads().iter().filter(is_live).count(),
            live_bytes,
            peak_bytes,
            used_ns: self.sched.now_ns(),
            started_ns: self.up_ns(id).saturating_sub(self.sched.now_ns() - node.lifecycle().started_ns()),
        }
    }

    fn limits_text(&self, me: ThreadId) -> String {
        let files = self.process[self.sched[me].node()].descriptors().slots_max().to_string();
        let unlimited = || "unlimited".to_owned();
        let rows = [
            ("Max cpu time", unlimited(), unlimited(), "seconds"),
            ("Max file size", unlimited(), unlimited(), "bytes"),
            ("Max data size", unlimited(), unlimited(), "bytes"),
            ("Max stack size", (8 << 20).to_string(), unlimited(), "bytes"),
            ("Max core file size", "0".to_owned(), unlimited(), "bytes"),
            ("Max resident set", unlimited(), unlimited(), "bytes"),
            ("Max processes", unlimited(), unlimited(), "processes"),
            ("Max open files", files.clone(), files, "files"),
            ("Max locked memory", unlimited(), unlimited(), "bytes"),
            ("Max address space", unlimited(), unlimited(), "bytes"),
            ("Max file locks", unlimited(), unlimited(), "locks"),
            ("Max pending signals", unlimited(), unlimited(), "signals"),
            ("Max msgqueue size", unlimited(), unlimited(), "bytes"),
            ("Max nice priority", unlimited(), unlimited(), ""),
            ("Max realtime priority", unlimited(), unlimited(), ""),
            ("Max realtime timeout", unlimited(), unlimited(), "us"),
        ];
        let mut text = format!("{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
        for (name, soft, hard, unit) in rows {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<25} {soft:<20} {hard:<20} {unit:<10}");
        }
        text
    }
}

/// The 52 fields of `proc_pid_stat(5)`.
fn stat(measures: &Measures) -> String {
    let Measures { pid, comm, threads, live_bytes, used_ns, started_ns, .. } = measures;
    let (used, started, pages) = (used_ns / TICK_NS, started_ns / TICK_NS, live_bytes / PAGE);
    let head = format!(
        "{pid} ({comm}) R 1 {pid} {pid} 0 -1 0 0 0 0 0 {used} 0 0 0 20 0 {threads} 0 {started} {live_bytes} {pages}"
    );
    let rest = ["18446744073709551615"].into_iter().chain(std::iter::repeat_n("0", 27));
    rest.fold(head, |text, field| text + " " + field) + "\n"
}

fn statm(measures: &Measures) -> String {
    let pages = measures.live_bytes / PAGE;
    format!("{pages} {pages} 0 0 0 {pages} 0\n")
}

fn status(measures: &Measures) -> String {
    let Measures { pid, comm, threads, live_bytes, peak_bytes, .. } = measures;
    let (live, peak) = (live_bytes >> 10, peak_bytes >> 10);
    let none = "0000000000000000";
    format!(
        "Name:\t{comm}\nUmask:\t0022\nState:\tR (running)\nTgid:\t{pid}\nNgid:\t0\nPid:\t{pid}\nPPid:\t1\nTracerPid:\t0\n\
         Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t64\nGroups:\t0 \nVmPeak:\t{peak:>8} kB\nVmSize:\t{live:>8} kB\n\
         VmLck:\t       0 kB\nVmHWM:\t{peak:>8} kB\nVmRSS:\t{live:>8} kB\nVmData:\t{live:>8} kB\nVmStk:\t    8192 kB\n\
         VmSwap:\t       0 kB\nThreads:\t{threads}\nSigPnd:\t{none}\nShdPnd:\t{none}\nSigBlk:\t{none}\nSigIgn:\t{none}\n\
         SigCgt:\t{none}\nSeccomp:\t0\nCpus_allowed:\tf\nCpus_allowed_list:\t0-3\nMems_allowed_list:\t0\n\
         voluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n"
    )
}
