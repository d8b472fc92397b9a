//! Probe events and other facts from the program's own code, which do not come through the C library.
//! Each is a scheduling point as well: a fault may strike there, and another thread may run.

use super::block::call;
use super::current::here;
use super::guest;
use super::task_wakes::follows_tasks;
use crate::event::probe;
use crate::event::{Name, NodeId, What};
use crate::kernel::dispatch::Kernel;
use crate::kernel::sched::choice::{Question, identity, join};
use crate::kernel::sched::thread::ThreadId;
use afterlife_probe::Fact;
use std::panic::Location;
use std::sync::OnceLock;

/// Returns the running task of an asynchronous runtime, 0 for none.
static TASK: OnceLock<fn() -> u64> = OnceLock::new();

/// Sets the source of the running task. The harness knows the runtime; this crate does not.
pub(crate) fn set_task_source(source: fn() -> u64) {
    let _ = TASK.set(source);
}

/// The running task, if the kernel does not follow tasks itself.
fn task() -> u64 {
    if follows_tasks() { 0 } else { TASK.get().map_or(0, |task| task()) }
}

/// Attaches this process's probes to its runs.
pub(crate) fn attach() {
    afterlife_probe::attach(fact);
}

/// Emits an event on the calling thread of a run. Does nothing outside a run.
pub(crate) fn emit(make: impl FnOnce(&mut dyn FnMut(&str) -> Name) -> What) {
    let Some(me) = here() else { return };
    let task = task();
    guest::follow_clock();
    call(me, |kernel| {
        kernel.leave_uncounted(me);
        let what = make(&mut |text| kernel.recorder.name(text));
        kernel.emit_task(me, task, what);
    });
    guest::reported(me);
}

fn fact(fact: &Fact<'_>, site: &'static Location<'static>) -> u64 {
    report_at(fact, |kernel| kernel.recorder.site(site))
}

/// Reports a probe event for a call site that is known by its file and line only.
pub(crate) fn report(fact: &Fact<'_>, file: &str, line: u32) -> u64 {
    report_at(fact, |kernel| match file {
        "" => Name::NONE,
        file => kernel.recorder.name(&format!("{file}:{line}")),
    })
}

fn report_at(fact: &Fact<'_>, site: impl FnOnce(&mut Kernel) -> Name) -> u64 {
    let Some(me) = here() else { return 0 };
    let task = task();
    guest::follow_clock();
    let answer = call(me, |kernel| {
        kernel.leave_uncounted(me);
        let site = site(kernel);
        let (what, answer) = event_of(kernel, me, fact, site);
        if let Some(what) = what {
            kernel.emit_task(me, task, what);
        }
        answer
    });
    guest::reported(me);
    answer
}

fn event_of(kernel: &mut Kernel, me: ThreadId, fact: &Fact<'_>, site: Name) -> (Option<What>, u64) {
    let node = kernel.sched[me].node();
    if let Fact::Buggify { site, per_mille } = fact
        && !kernel.buggify_fires(me, site, *per_mille)
    {
        return (None, 0);
    }
    probe::event_of(fact, site, &mut Numbering { kernel, node })
}

/// Numbers the names, objects and generations in a node's probe events.
struct Numbering<'a> {
    kernel: &'a mut Kernel,
    node: NodeId,
}

impl probe::Register for Numbering<'_> {
    fn name(&mut self, text: &str) -> Name {
        self.kernel.recorder.name(text)
    }

    fn object(&mut self) -> u32 {
        self.kernel.process.probes_mut().next_object()
    }

    fn generation(&mut self, name: Name) -> u32 {
        self.kernel.process.probes_mut().next_generation(self.node, name)
    }
}

/// A buggify site is active in one of this many runs.
const BUGGIFY_ON_ONE_IN: u64 = 4;

impl Kernel {
    /// Returns whether a buggify site fires: first whether it is active in this run, then whether it fires at this pass.
    fn buggify_fires(&mut self, me: ThreadId, site: &str, per_mille: u64) -> bool {
        let site = identity(site);
        if self.sched.choices().below(Question::Buggify, site, 0, BUGGIFY_ON_ONE_IN) != 0 {
            return false;
        }
        let node = self.sched[me].node();
        let passes = self.process.probes_mut().pass_injection(node, site);
        let who = join(site, self.process[node].key());
        self.sched.choices().below(Question::Buggify, who, passes, 1_000) < per_mille
    }
}
