//! The limits of a process: a table with fixed columns, which programs cut by position.

use super::view::View;
use crate::kernel::process::limits::UNLIMITED;
use std::fmt::Write;

/// The lines in Linux's order: name, resource, unit.
const LINES: [(&str, u32, &str); 16] = [
    ("Max cpu time", libc::RLIMIT_CPU, "seconds"),
    ("Max file size", libc::RLIMIT_FSIZE, "bytes"),
    ("Max data size", libc::RLIMIT_DATA, "bytes"),
    ("Max stack size", libc::RLIMIT_STACK, "bytes"),
    ("Max core file size", libc::RLIMIT_CORE, "bytes"),
    ("Max resident set", libc::RLIMIT_RSS, "bytes"),
    ("Max processes", libc::RLIMIT_NPROC, "processes"),
    ("Max open files", libc::RLIMIT_NOFILE, "files"),
    ("Max locked memory", libc::RLIMIT_MEMLOCK, "bytes"),
    ("Max address space", libc::RLIMIT_AS, "bytes"),
    ("Max file locks", libc::RLIMIT_LOCKS, "locks"),
    ("Max pending signals", libc::RLIMIT_SIGPENDING, "signals"),
    ("Max msgqueue size", libc::RLIMIT_MSGQUEUE, "bytes"),
    ("Max nice priority", libc::RLIMIT_NICE, ""),
    ("Max realtime priority", libc::RLIMIT_RTPRIO, ""),
    ("Max realtime timeout", libc::RLIMIT_RTTIME, "us"),
];

/// `limits`.
pub(super) fn limits(view: &View<'_>) -> String {
    let shown = |limit: u64| if limit == UNLIMITED { "unlimited".to_owned() } else { limit.to_string() };
    let mut text = format!("{:25} {:20} {:20} {:10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (name, resource, unit) in LINES {
        let (soft, hard) = view.machine().limit(resource);
        let _ = writeln!(text, "{name:25} {:20} {:20} {unit:10}", shown(soft), shown(hard));
    }
    text
}
