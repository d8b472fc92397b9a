//! The entry points of madsim as a guest engine, which the harness calls.
//! It knows no scenario and no invariant.

use super::guest_thread::{self, GuestThread};
use super::incarnation::Incarnation;
use crate::guest::clock;
use crate::guest::program::Program;
use crate::isolate::simulation::{Machine, Outcome, run_with};
use crate::kernel::control::Observer;
use crate::kernel::process::storage::DiskBuild;
use crate::kernel::sched::preemption::Schedule;
use crate::kernel::settings::Settings;
use ::madsim::time::TimeHandle;
use std::sync::Arc;

/// The name of the node on which madsim itself runs.
const GUEST_THREAD: &str = "madsim";

/// Runs programs on madsim to the end of the run.
///
/// # Panics
/// Panics if the calling thread is part of a run.
pub fn run(settings: Settings, programs: Vec<Program>, observer: Box<dyn Observer>) -> Outcome {
    clock::set_source(|| TimeHandle::try_current().map(|time| guest_thread::nanoseconds(time.elapsed())));
    // The guest thread is never preempted, since all nodes would lose their turn.
    let settings = Settings { schedule: Schedule { calls_per_preemption: 0, ..settings.schedule }, ..settings };
    let (mut machines, mut plans) = (Vec::new(), Vec::new());
    for Program { machine, main } in programs {
        plans.push((machine.name.clone(), main));
        // A sync that took time would take it from every node.
        machines.push(Machine { disk: DiskBuild { sync_ns: (0, 0), ..machine.disk }, ..machine });
    }
    let plans = Arc::new(plans);
    run_with(settings, machines, observer, move |kernel| {
        kernel.install_guest(true);
        let guest_thread = Arc::new(move |_| GuestThread::run(&settings, &plans));
        crate::host::status::name_node(GUEST_THREAD);
        kernel.add_node(GUEST_THREAD, guest_thread, 0, None);
    })
}

/// The incarnation for which a node of madsim's is being created on the calling thread: the node's span belongs to it.
pub fn starting() -> Option<Incarnation> {
    guest_thread::starting()
}

/// Records that a task of this incarnation was created.
pub fn task_made(incarnation: Incarnation) {
    guest_thread::with_current(|guest_thread| guest_thread.task_made(incarnation));
}

/// Records that a task of this incarnation was dropped.
pub fn task_gone(incarnation: Incarnation) {
    guest_thread::with_current(|guest_thread| guest_thread.task_gone(incarnation));
}

/// Begins a turn of a task of this incarnation, which runs or is dropped: from now on, the calling thread acts for its node.
pub fn turn_begins(incarnation: Incarnation) {
    guest_thread::with_current(|guest_thread| guest_thread.begin_turn(incarnation));
}

/// Ends that turn.
pub fn turn_ends(incarnation: Incarnation) {
    guest_thread::with_current(|guest_thread| guest_thread.end_turn(incarnation));
}

/// Returns the name of the node for which the calling thread acts, as madsim answers `gethostname`; elsewhere the machine's name.
pub fn host_name() -> String {
    nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
