//! Probes and other facts that enter the run from the program's own code, not through the C library.
//! They are doors as well: a fault may land on them, and the baton may pass.

use super::baton::door;
use super::here::here;
use crate::event::{Name, What};
use crate::kernel::thread::ThreadId;
use crate::kernel::world::World;
use afterlife_probe::Fact;
use std::panic::Location;
use std::sync::OnceLock;

/// Tells which task of an asynchronous runtime is running, 0 for none.
static TASK: OnceLock<fn() -> u64> = OnceLock::new();

/// Sets how the running task is found; the harness knows the runtime, this crate does not.
pub(crate) fn set_task_source(source: fn() -> u64) {
    let _ = TASK.set(source);
}

/// Attaches this process's probes to its runs.
pub(crate) fn attach() {
    afterlife_probe::attach(fact);
}

/// Lets something happen on the calling thread of a run. Does nothing outside of one.
pub(crate) fn emit(make: impl FnOnce(&mut dyn FnMut(&str) -> Name) -> What) {
    let Some(me) = here() else { return };
    let task = TASK.get().map_or(0, |task| task());
    door(me, |world| {
        let what = make(&mut |text| world.log.name(text));
        world.emit_task(me, task, what);
    });
}

fn fact(fact: &Fact<'_>, site: &'static Location<'static>) -> u64 {
    let Some(me) = here() else { return 0 };
    let task = TASK.get().map_or(0, |task| task());
    door(me, |world| {
        let (what, answer) = event_of(world, me, fact, site);
        if let Some(what) = what {
            world.emit_task(me, task, what);
        }
        answer
    })
}

fn event_of(world: &mut World, me: ThreadId, fact: &Fact<'_>, site: &'static Location<'static>) -> (Option<What>, u64) {
    let site = world.log.site(site);
    let mut answer = 0;
    let what = match fact {
        Fact::Opened { name } => {
            let name = world.log.name(name);
            world.objects += 1;
            let generation = world.generations.entry((world.threads[me].node, name)).or_insert(0);
            *generation += 1;
            answer = u64::from(world.objects);
            What::ResourceOpened { name, object: world.objects, generation: *generation, site }
        }
        Fact::Used { name, object, by } => {
            let name = world.log.name(name);
            let by = by.map_or(Name::NONE, |by| world.log.name(&by.to_string()));
            What::ResourceUsed { name, object: *object as u32, by, site }
        }
        Fact::Closed { name, object } => {
            What::ResourceClosed { name: world.log.name(name), object: *object as u32, site }
        }
        Fact::Phase { name } => What::Phase { name: world.log.name(name), site },
        Fact::Always { claim, held } => What::Claim { claim: world.log.name(claim), always: true, held: *held, site },
        Fact::Sometimes { claim, held } => {
            What::Claim { claim: world.log.name(claim), always: false, held: *held, site }
        }
        Fact::Reached { site: name } => What::Reached { name: world.log.name(name), site },
        _ => return (None, 0),
    };
    (Some(what), answer)
}
