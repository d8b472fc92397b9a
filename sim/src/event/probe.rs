//! The event that each probe fact becomes, in a run and from a line of a log alike.
//! It assigns no numbers itself and judges nothing.

use crate::event::{Name, ProbeEvent, What};
use afterlife_probe::{Begins, Fact, Parts};

/// Assigns numbers to texts, objects and generations.
pub trait Register {
    /// The index of a text.
    fn name(&mut self, text: &str) -> Name;
    /// The number of the next object, borrow, call, task, holder or entry.
    fn object(&mut self) -> u32;
    /// The generation of the next resource of this name, from 1.
    fn generation(&mut self, name: Name) -> u32;
    /// The number that this register assigned to an object or a part of one, from the number that the program has.
    ///
    /// `None` if this register did not assign it. 0 stays 0: no register observed the beginning.
    fn assigned(&self, number: u64) -> Option<u32> {
        u32::try_from(number).ok()
    }
}

/// Returns the event of a fact, if it has one, and the answer for the program that reported it.
///
/// A fact about an object of another register has no event.
pub fn event_of(fact: &Fact<'_>, site: Name, register: &mut dyn Register) -> (Option<What>, u64) {
    event(fact, site, register).map_or((None, 0), |(what, answer)| (Some(what), answer))
}

fn event(fact: &Fact<'_>, site: Name, register: &mut dyn Register) -> Option<(What, u64)> {
    let mut answer = 0;
    let what = match fact {
        Fact::Opened { name, object } => {
            let object = if *object == 0 { register.object() } else { register.assigned(*object)? };
            let name = register.name(name);
            answer = u64::from(object);
            What::ResourceOpened { name, object, generation: register.generation(name), site }
        }
        Fact::Used { name, object, by } => {
            let object = register.assigned(*object)?;
            let name = register.name(name);
            let by = by.map_or(Name::NONE, |by| register.name(&by.to_string()));
            What::ResourceUsed { name, object, by, site }
        }
        Fact::Closed { name, object } => {
            let object = register.assigned(*object)?;
            What::ResourceClosed { name: register.name(name), object, site }
        }
        Fact::Phase { name } => What::Phase { name: register.name(name), site },
        Fact::Always { claim, held } => What::Claim { claim: register.name(claim), always: true, held: *held, site },
        Fact::Sometimes { claim, held } => {
            What::Claim { claim: register.name(claim), always: false, held: *held, site }
        }
        Fact::Reached { site: name } => What::Reached { name: register.name(name), site },
        Fact::Buggify { site: name, .. } => {
            answer = 1;
            What::Probe { step: ProbeEvent::Buggified, name: register.name(name), object: 0, number: 0, site }
        }
        other => {
            let step = probe_event_of(other)?;
            let parts = Parts::from(other);
            let (mut object, mut part) = (register.assigned(parts.object)?, register.assigned(parts.part)?);
            match other.begins() {
                Begins::Nothing => {}
                Begins::Object => {
                    object = register.object();
                    answer = u64::from(object);
                }
                Begins::Part => {
                    part = register.object();
                    answer = u64::from(part);
                }
            }
            // No kind has more than one of these.
            let number = match parts.text {
                Some(text) => u64::from(register.name(&text.to_string()).0),
                None if part != 0 => u64::from(part),
                None => parts.value as u64,
            };
            What::Probe { step, name: register.name(parts.name), object, number, site }
        }
    };
    Some((what, answer))
}

/// The step of a fact of the plainer kinds.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers texts and objects in order of appearance.
    #[derive(Default)]
    struct Plain {
        texts: u32,
        objects: u32,
    }

    impl Register for Plain {
        fn name(&mut self, _: &str) -> Name {
            self.texts += 1;
            Name(self.texts)
        }

        fn object(&mut self) -> u32 {
            self.objects += 1;
            self.objects
        }

        fn generation(&mut self, _: Name) -> u32 {
            1
        }
    }

    fn number(fact: &Fact<'_>) -> u64 {
        let (Some(What::Probe { number, .. }), _) = event_of(fact, Name::NONE, &mut Plain::default()) else {
            panic!("{fact:?} is a probe event")
        };
        number
    }

    #[test]
    fn a_number_keeps_its_64_bits() {
        let big = u64::MAX - 1;
        assert_eq!(number(&Fact::Advanced { name: "lease", object: 1, to: big }), big);
        assert_eq!(number(&Fact::Effect { name: "lease", object: 1, of: 5 + (1 << 32), what: "write" }), 5 + (1 << 32));
        assert_eq!(number(&Fact::SlotsMade { name: "bytes", cap: big }), big);
        assert_eq!(number(&Fact::SlotsCounted { name: "bytes", object: 1, count: -1 }) as i64, -1);
        assert_eq!(number(&Fact::ProgressBegan { name: "copy", items: big }), big);
        assert_eq!(number(&Fact::ProgressReported { name: "copy", object: 1, percent: 1 << 32 }), 1 << 32);
    }

    #[test]
    fn a_fact_about_an_object_of_another_register_has_no_event() {
        let of_another = 7 << 32 | 1;
        let facts = [
            Fact::Used { name: "db", object: of_another, by: None },
            Fact::Closed { name: "db", object: of_another },
            Fact::Returned { name: "db", object: 1, borrow: of_another },
        ];
        for fact in facts {
            assert_eq!(event_of(&fact, Name::NONE, &mut Plain::default()), (None, 0), "{fact:?}");
        }
    }
}
