//! Probes and other facts that enter the run from the program's own code, not through the C library.
//! They are doors as well: a fault may land on them, and the baton may pass.

use super::baton::door;
use super::here::here;
use super::wakes::follows_tasks;
use crate::event::{Name, NodeId, What};
use crate::kernel::choice::{Question, identity, join};
use crate::kernel::thread::ThreadId;
use crate::kernel::world::World;
use crate::told;
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
    #[cfg(feature = "turmoil")]
    let _hears = super::moment::telling(me);
    #[cfg(madsim)]
    super::moment::look(me);
    door(me, |world| {
        world.gets_nowhere(me);
        let what = make(&mut |text| world.log.name(text));
        world.emit_task(me, task, what);
    });
}

fn fact(fact: &Fact<'_>, site: &'static Location<'static>) -> u64 {
    told_at(fact, |world| world.log.site(site))
}

/// As a probe, for a place that is known by its words alone.
pub(crate) fn tell(fact: &Fact<'_>, file: &str, line: u32) -> u64 {
    told_at(fact, |world| match file {
        "" => Name::NONE,
        file => world.log.name(&format!("{file}:{line}")),
    })
}

fn told_at(fact: &Fact<'_>, site: impl FnOnce(&mut World) -> Name) -> u64 {
    let Some(me) = here() else { return 0 };
    let task = task();
    #[cfg(feature = "turmoil")]
    let _hears = super::moment::telling(me);
    #[cfg(madsim)]
    super::moment::look(me);
    door(me, |world| {
        world.gets_nowhere(me);
        let site = site(world);
        let (what, answer) = event_of(world, me, fact, site);
        if let Some(what) = what {
            world.emit_task(me, task, what);
        }
        answer
    })
}

fn event_of(world: &mut World, me: ThreadId, fact: &Fact<'_>, site: Name) -> (Option<What>, u64) {
    let node = world.threads[me].node;
    if let Fact::Buggify { site: place, per_mille } = fact
        && !world.misbehaves(me, place, *per_mille)
    {
        return (None, 0);
    }
    told::event_of(fact, site, &mut Teller { world, node })
}

/// Numbers what a node's program tells of.
struct Teller<'a> {
    world: &'a mut World,
    node: NodeId,
}

impl told::Register for Teller<'_> {
    fn name(&mut self, text: &str) -> Name {
        self.world.log.name(text)
    }

    fn object(&mut self) -> u32 {
        self.world.objects += 1;
        self.world.objects
    }

    fn generation(&mut self, name: Name) -> u32 {
        let generation = self.world.generations.entry((self.node, name)).or_insert(0);
        *generation += 1;
        *generation
    }
}

/// In how many runs a place that may misbehave is on: one in so many.
const BUGGIFY_ON_ONE_IN: u64 = 4;

impl World {
    /// Whether a place that may misbehave does, at this pass: first whether it is on in this run, then whether it fires.
    fn misbehaves(&mut self, me: ThreadId, place: &str, per_mille: u64) -> bool {
        let place = identity(place);
        if self.choices.below(Question::Buggify, place, 0, BUGGIFY_ON_ONE_IN) != 0 {
            return false;
        }
        let node = self.threads[me].node;
        let passes = self.buggify_passes.entry((node, place)).or_insert(0);
        *passes += 1;
        let who = join(place, self.nodes[usize::from(node.0)].key);
        self.choices.below(Question::Buggify, who, *passes, 1_000) < per_mille
    }
}
