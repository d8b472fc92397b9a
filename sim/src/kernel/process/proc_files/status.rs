//! A process or a thread: `status`, for people and for those that count on its lines.

use super::view::View;
use crate::kernel::process::machine::{MEMORY_PAGE_BYTES, PROCESSORS};
use std::fmt::Write;

/// `status` of a process.
pub(super) fn of_process(view: &View<'_>) -> String {
    lines(view, view.number())
}

/// `status` of a thread.
pub(super) fn of_thread(view: &View<'_>) -> String {
    lines(view, view.kernel.thread_number(view.thread) as i32)
}

fn lines(view: &View<'_>, number: i32) -> String {
    let (letter, word) = view.state();
    let (pages, pages_max) = view.pages();
    let kib = |pages: u64| pages * MEMORY_PAGE_BYTES / 1024;
    let signals = view.kernel.process.signals();
    let (caught, ignored) = signals.handled(view.node);
    let processors = (1_u32 << PROCESSORS) - 1;
    let mut text = format!(
        "\
Name:\t{}
Umask:\t{:04o}
State:\t{letter} ({word})
Tgid:\t{}
Ngid:\t0
Pid:\t{number}
PPid:\t1
TracerPid:\t0
Uid:\t0\t0\t0\t0
Gid:\t0\t0\t0\t0
FDSize:\t{}
Groups:\t
",
        view.name(),
        view.machine().storage().umask(),
        view.number(),
        view.machine().descriptors().iter().count().next_multiple_of(64).max(64),
    );
    for (name, size) in [
        ("VmPeak", kib(pages_max)),
        ("VmSize", kib(pages)),
        ("VmLck", 0),
        ("VmPin", 0),
        ("VmHWM", kib(pages_max)),
        ("VmRSS", kib(pages)),
        ("RssAnon", kib(pages)),
        ("RssFile", 0),
        ("RssShmem", 0),
        ("VmData", kib(pages)),
        ("VmSwap", 0),
    ] {
        let _ = writeln!(text, "{name}:\t{size:8} kB");
    }
    let _ = write!(
        text,
        "\
Threads:\t{}
SigPnd:\t{:016x}
ShdPnd:\t{:016x}
SigBlk:\t{:016x}
SigIgn:\t{ignored:016x}
SigCgt:\t{caught:016x}
NoNewPrivs:\t0
Seccomp:\t0
Cpus_allowed:\t{processors:x}
Cpus_allowed_list:\t0-{}
",
        view.threads(),
        0,
        signals.pending(view.node),
        signals.mask(view.thread),
        PROCESSORS - 1,
    );
    text
}
