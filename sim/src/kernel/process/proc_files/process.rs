//! A process: `stat`, `statm`, its name, command line, control group and mounts.

use super::view::View;
use crate::kernel::process::machine::MEMORY_PAGE_BYTES;

/// `comm`.
pub(super) fn name(view: &View<'_>) -> String {
    format!("{}\n", view.name())
}

/// `cmdline`: words that end with a zero byte.
pub(super) fn command_line(view: &View<'_>) -> String {
    format!("{}\0", view.machine().name())
}

/// `cgroup`: the process is in the root of its own namespace, as in a container.
pub(super) fn control_group(_view: &View<'_>) -> String {
    "0::/\n".to_owned()
}

/// `mounts`.
pub(super) fn mounts(view: &View<'_>) -> String {
    let group = if view.has_group() { "cgroup2 /sys/fs/cgroup cgroup2 ro 0 0\n" } else { "" };
    format!("simfs / simfs rw 0 0\nproc /proc proc rw 0 0\nsysfs /sys sysfs ro 0 0\n{group}")
}

/// `mountinfo`.
pub(super) fn mounts_in_detail(view: &View<'_>) -> String {
    let group = if view.has_group() { "4 3 0:23 / /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n" } else { "" };
    format!(
        "\
1 0 0:1 / / rw - simfs simfs rw
2 1 0:21 / /proc rw - proc proc rw
3 1 0:22 / /sys ro - sysfs sysfs ro
{group}"
    )
}

/// The number of fields in `stat`.
const FIELDS: usize = 52;

/// `stat`. Fields that the simulation does not know are zero, as those that a process may not see.
pub(super) fn statistics(view: &View<'_>) -> String {
    let is_main = view.subject().number() == 0;
    let (pages, _) = view.pages();
    let mut fields: [i128; FIELDS] = [0; FIELDS];
    // By the numbers that proc_pid_stat(5) gives them.
    let mut set = |field: usize, value: i128| fields[field - 1] = value;
    set(4, 1); // parent
    set(5, view.number().into()); // group
    set(6, view.number().into()); // session
    set(8, -1); // foreground group of the terminal: there is none
    set(14, view.used_ticks().into());
    set(18, 20); // priority
    set(20, view.threads() as i128);
    set(22, view.start_ticks().into());
    set(23, (pages * MEMORY_PAGE_BYTES).into());
    set(24, pages.into());
    set(25, u64::MAX.into()); // limit of the resident set: none
    set(38, if is_main { libc::SIGCHLD.into() } else { -1 }); // signal at the end
    let number = if is_main { i64::from(view.number()) } else { view.kernel.thread_number(view.thread).into() };
    let rest: String = fields[3..].iter().map(|value| format!(" {value}")).collect();
    format!("{number} ({}) {}{rest}\n", view.name(), view.state().0)
}

/// `statm`: sizes in pages.
pub(super) fn memory(view: &View<'_>) -> String {
    let (pages, _) = view.pages();
    format!("{pages} {pages} 0 0 0 {pages} 0\n")
}
