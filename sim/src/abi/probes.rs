//! Probes and other facts that enter the run from the program's own code, not through the C library.
//! They are doors as well: a fault may land on them, and the baton may pass.

use super::baton::door;
use super::here::here;
use crate::event::{Name, Step, What};
use crate::kernel::choice::{Question, identity, join};
use crate::kernel::thread::ThreadId;
use crate::kernel::world::World;
use afterlife_probe::{Begins, Fact, Parts};
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
        Fact::Opened { name, object } => {
            let name = world.log.name(name);
            let object = if *object == 0 { next_object(world) } else { *object as u32 };
            let generation = world.generations.entry((world.threads[me].node, name)).or_insert(0);
            *generation += 1;
            answer = u64::from(object);
            What::ResourceOpened { name, object, generation: *generation, site }
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
        Fact::Buggify { site: place, per_mille } => {
            if !world.misbehaves(me, place, *per_mille) {
                return (None, 0);
            }
            answer = 1;
            What::Told { step: Step::Buggified, name: world.log.name(place), object: 0, number: 0, site }
        }
        other => {
            let Some(step) = step_of(other) else { return (None, 0) };
            let mut parts = Parts::from(other);
            match parts.begins() {
                Begins::Nothing => {}
                Begins::Object => {
                    answer = u64::from(next_object(world));
                    parts.object = answer;
                }
                Begins::Part => {
                    answer = u64::from(next_object(world));
                    parts.part = answer;
                }
            }
            let number = match parts.text {
                Some(text) => world.log.name(&text.to_string()).0,
                None => parts.part as u32 | parts.value as u32,
            };
            What::Told { step, name: world.log.name(parts.name), object: parts.object as u32, number, site }
        }
    };
    (Some(what), answer)
}

fn next_object(world: &mut World) -> u32 {
    world.objects += 1;
    world.objects
}

/// The step that a fact of one of the plainer kinds is.
fn step_of(fact: &Fact<'_>) -> Option<Step> {
    Some(match fact {
        Fact::Declared { .. } => Step::Declared,
        Fact::Opening { .. } => Step::Opening,
        Fact::Borrowed { .. } => Step::Borrowed,
        Fact::Returned { .. } => Step::Returned,
        Fact::Registered { .. } => Step::Registered,
        Fact::CallBegan { .. } => Step::CallBegan,
        Fact::CallEnded { .. } => Step::CallEnded,
        Fact::Deregistering { .. } => Step::Deregistering,
        Fact::Deregistered { .. } => Step::Deregistered,
        Fact::EpochBegan { .. } => Step::EpochBegan,
        Fact::Advanced { .. } => Step::Advanced,
        Fact::Effect { .. } => Step::Effect,
        Fact::ScopeOpened { .. } => Step::ScopeOpened,
        Fact::TaskQueued { .. } => Step::TaskQueued,
        Fact::TaskBegan { .. } => Step::TaskBegan,
        Fact::TaskCancelled { .. } => Step::TaskCancelled,
        Fact::TaskEnded { .. } => Step::TaskEnded,
        Fact::Joined { .. } => Step::Joined,
        Fact::ScopeClosed { .. } => Step::ScopeClosed,
        Fact::SlotsMade { .. } => Step::SlotsMade,
        Fact::SlotTaken { .. } => Step::SlotTaken,
        Fact::SlotReturned { .. } => Step::SlotReturned,
        Fact::SlotsCounted { .. } => Step::SlotsCounted,
        Fact::ProgressBegan { .. } => Step::ProgressBegan,
        Fact::ItemVerified { .. } => Step::ItemVerified,
        Fact::ProgressTold { .. } => Step::ProgressTold,
        Fact::ProgressDone { .. } => Step::ProgressDone,
        Fact::ChannelOpened { .. } => Step::ChannelOpened,
        Fact::ChannelTold { .. } => Step::ChannelTold,
        Fact::ChannelClosed { .. } => Step::ChannelClosed,
        Fact::EntryMade { .. } => Step::EntryMade,
        Fact::EntryRemoved { .. } => Step::EntryRemoved,
        _ => return None,
    })
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
