//! The control group of the process, in version 2, and the processors of the machine.

use super::view::View;
use crate::kernel::process::machine::PROCESSORS;

/// `cpu/online` and its kin: a range of numbers.
pub(super) fn processors(_view: &View<'_>) -> String {
    format!("0-{}\n", PROCESSORS - 1)
}

/// `cgroup.controllers`.
pub(super) fn controllers(_view: &View<'_>) -> String {
    "cpuset cpu memory pids\n".to_owned()
}

/// `cgroup.procs`.
pub(super) fn processes(view: &View<'_>) -> String {
    format!("{}\n", view.number())
}

/// `cgroup.type`.
pub(super) fn kind(_view: &View<'_>) -> String {
    "domain\n".to_owned()
}

/// A limit that does not limit.
pub(super) fn unlimited(_view: &View<'_>) -> String {
    "max\n".to_owned()
}

/// `cpu.max`: the quota and the period, in microseconds. The process may use all processors.
pub(super) fn processor_quota(_view: &View<'_>) -> String {
    "max 100000\n".to_owned()
}

/// `cpu.stat`.
pub(super) fn processor_use(view: &View<'_>) -> String {
    let used_us = view.kernel.sched.now_ns() / 1_000;
    format!(
        "usage_usec {used_us}\nuser_usec {used_us}\nsystem_usec 0\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n"
    )
}

/// `cpu.weight`.
pub(super) fn processor_weight(_view: &View<'_>) -> String {
    "100\n".to_owned()
}

/// `memory.current`.
pub(super) fn memory_now(view: &View<'_>) -> String {
    format!("{}\n", view.machine().used_memory_bytes().0)
}

/// `memory.peak`.
pub(super) fn memory_peak(view: &View<'_>) -> String {
    format!("{}\n", view.machine().used_memory_bytes().1)
}

/// `memory.max`: the budget that the scenario set.
pub(super) fn memory_max(view: &View<'_>) -> String {
    view.machine().memory().budget().map_or("max\n".to_owned(), |bytes| format!("{bytes}\n"))
}

/// `memory.stat`.
pub(super) fn memory_use(view: &View<'_>) -> String {
    format!("anon {}\nfile 0\nkernel 0\nshmem 0\n", view.machine().used_memory_bytes().0)
}

/// `pids.current`.
pub(super) fn threads(view: &View<'_>) -> String {
    format!("{}\n", view.threads())
}
