//! Probes and other facts that enter the run from the program's own code, not through the C library.
//! They are doors as well: a fault may land on them, and the baton may pass.

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

/// Tells which task of an asynchronous runtime is running, 0 for none.
static TASK: OnceLock<fn() -> u64> = OnceLock::new();

/// Sets how the running task is found; the harness knows the runtime, this crate does not.
pub(crate) fn set_task_source(source: fn() -> u64) {
    let _ = TASK.set(source);
}

/// The task that is running, if the room does not know by itself.
fn task() -> u64 {
    if follows_tasks() { 0 } else { TASK.get().map_or(0, |task| task()) }
}

/// Attaches this process's probes to its runs.
pub(crate) fn attach() {
    afterlife_probe::attach(fact);
}

/// Lets something happen on the calling thread of a run. Does nothing outside of one.
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
    told_at(fact, |kernel| kernel.recorder.site(site))
}

/// As a probe, for a place that is known by its words alone.
pub(crate) fn tell(fact: &Fact<'_>, file: &str, line: u32) -> u64 {
    told_at(fact, |kernel| match file {
        "" => Name::NONE,
        file => kernel.recorder.name(&format!("{file}:{line}")),
    })
}

fn told_at(fact: &Fact<'_>, site: impl FnOnce(&mut Kernel) -> Name) -> u64 {
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
    if let Fact::Buggify { site: place, per_mille } = fact
        && !kernel.misbehaves(me, place, *per_mille)
    {
        return (None, 0);
    }
    probe::event_of(fact, site, &mut Teller { kernel, node })
}

/// Numbers what a node's program tells of.
struct Teller<'a> {
    kernel: &'a mut Kernel,
    node: NodeId,
}

impl probe::Register for Teller<'_> {
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

/// In how many runs a place that may misbehave is on: one in so many.
const BUGGIFY_ON_ONE_IN: u64 = 4;

impl Kernel {
    /// Whether a place that may misbehave does, at this pass: first whether it is on in this run, then whether it fires.
    fn misbehaves(&mut self, me: ThreadId, place: &str, per_mille: u64) -> bool {
        let place = identity(place);
        if self.sched.choices().below(Question::Buggify, place, 0, BUGGIFY_ON_ONE_IN) != 0 {
            return false;
        }
        let node = self.sched[me].node();
        let passes = self.process.probes_mut().pass_injection(node, place);
        let who = join(place, self.process[node].key());
        self.sched.choices().below(Question::Buggify, who, passes, 1_000) < per_mille
    }
}
