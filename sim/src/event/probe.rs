//! What a program tells of its lifetimes, as events: the same for a probe in a run and for a line of a log.
//! It keeps no numbers itself and judges nothing.

use crate::event::{Name, ProbeEvent, What};
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
            What::Probe { step: ProbeEvent::Buggified, name: register.name(place), object: 0, number: 0, site }
        }
        other => {
            let Some(step) = probe_event_of(other) else { return (None, 0) };
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
            What::Probe { step, name: register.name(parts.name), object: parts.object as u32, number, site }
        }
    };
    (Some(what), answer)
}

/// The step that a fact of one of the plainer kinds is.
fn probe_event_of(fact: &Fact<'_>) -> Option<ProbeEvent> {
    Some(match fact {
        Fact::Declared { .. } => ProbeEvent::Declared,
        Fact::Opening { .. } => ProbeEvent::Opening,
        Fact::Borrowed { .. } => ProbeEvent::Borrowed,
        Fact::Returned { .. } => ProbeEvent::Returned,
        Fact::Registered { .. } => ProbeEvent::Registered,
        Fact::CallBegan { .. } => ProbeEvent::CallBegan,
        Fact::CallEnded { .. } => ProbeEvent::CallEnded,
        Fact::Deregistering { .. } => ProbeEvent::Deregistering,
        Fact::Deregistered { .. } => ProbeEvent::Deregistered,
        Fact::EpochBegan { .. } => ProbeEvent::EpochBegan,
        Fact::Advanced { .. } => ProbeEvent::Advanced,
        Fact::Effect { .. } => ProbeEvent::Effect,
        Fact::ScopeOpened { .. } => ProbeEvent::ScopeOpened,
        Fact::TaskQueued { .. } => ProbeEvent::TaskQueued,
        Fact::TaskBegan { .. } => ProbeEvent::TaskBegan,
        Fact::TaskCancelled { .. } => ProbeEvent::TaskCancelled,
        Fact::TaskEnded { .. } => ProbeEvent::TaskEnded,
        Fact::Joined { .. } => ProbeEvent::Joined,
        Fact::ScopeClosed { .. } => ProbeEvent::ScopeClosed,
        Fact::SlotsMade { .. } => ProbeEvent::SlotsMade,
        Fact::SlotTaken { .. } => ProbeEvent::SlotTaken,
        Fact::SlotReturned { .. } => ProbeEvent::SlotReturned,
        Fact::SlotsCounted { .. } => ProbeEvent::SlotsCounted,
        Fact::ProgressBegan { .. } => ProbeEvent::ProgressBegan,
        Fact::ItemVerified { .. } => ProbeEvent::ItemVerified,
        Fact::ProgressReported { .. } => ProbeEvent::ProgressReported,
        Fact::ProgressDone { .. } => ProbeEvent::ProgressDone,
        Fact::ChannelOpened { .. } => ProbeEvent::ChannelOpened,
        Fact::ChannelNotified { .. } => ProbeEvent::ChannelNotified,
        Fact::ChannelClosed { .. } => ProbeEvent::ChannelClosed,
        Fact::EntryMade { .. } => ProbeEvent::EntryMade,
        Fact::EntryRemoved { .. } => ProbeEvent::EntryRemoved,
        _ => return None,
    })
}
