//! What a program tells of its lifetimes, as events: the same for a probe in a run and for a line of a log.
//! It keeps no numbers itself and judges nothing.

use crate::event::{Name, Step, What};
use afterlife_probe::{Begins, Fact, Parts};

/// Numbers texts, objects and generations.
pub trait Register {
    /// The number of a text.
    fn name(&mut self, text: &str) -> Name;
    /// The number of the next object, borrow, call, task, holder or entry.
    fn object(&mut self) -> u32;
    /// Which generation of this name the next one is, from 1.
    fn generation(&mut self, name: Name) -> u32;
}

/// The event that a fact is, if it is one, and the answer to whoever told it.
pub fn event_of(fact: &Fact<'_>, site: Name, register: &mut dyn Register) -> (Option<What>, u64) {
    let mut answer = 0;
    let what = match fact {
        Fact::Opened { name, object } => {
            let name = register.name(name);
            let object = if *object == 0 { register.object() } else { *object as u32 };
            answer = u64::from(object);
            What::ResourceOpened { name, object, generation: register.generation(name), site }
        }
        Fact::Used { name, object, by } => {
            let name = register.name(name);
            let by = by.map_or(Name::NONE, |by| register.name(&by.to_string()));
            What::ResourceUsed { name, object: *object as u32, by, site }
        }
        Fact::Closed { name, object } => {
            What::ResourceClosed { name: register.name(name), object: *object as u32, site }
        }
        Fact::Phase { name } => What::Phase { name: register.name(name), site },
        Fact::Always { claim, held } => What::Claim { claim: register.name(claim), always: true, held: *held, site },
        Fact::Sometimes { claim, held } => {
            What::Claim { claim: register.name(claim), always: false, held: *held, site }
        }
        Fact::Reached { site: name } => What::Reached { name: register.name(name), site },
        Fact::Buggify { site: place, .. } => {
            answer = 1;
            What::Told { step: Step::Buggified, name: register.name(place), object: 0, number: 0, site }
        }
        other => {
            let Some(step) = step_of(other) else { return (None, 0) };
            let mut parts = Parts::from(other);
            match other.begins() {
                Begins::Nothing => {}
                Begins::Object => {
                    answer = u64::from(register.object());
                    parts.object = answer;
                }
                Begins::Part => {
                    answer = u64::from(register.object());
                    parts.part = answer;
                }
            }
            let number = match parts.text {
                Some(text) => register.name(&text.to_string()).0,
                None => parts.part as u32 | parts.value as u32,
            };
            What::Told { step, name: register.name(parts.name), object: parts.object as u32, number, site }
        }
    };
    (Some(what), answer)
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
