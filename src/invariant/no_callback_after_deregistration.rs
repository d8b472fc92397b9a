//! *no-callback-after-deregistration*: no call of a callback begins after its deregistration, which ends only when the running
//! calls have ended. Whether the callback did any harm does not matter: in C++ its captures would be gone.

use super::contract::{Facts, Monitor};
use super::site::file_of;
use crate::model::duration::span;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, ProbeEvent, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "no-callback-after-deregistration";

#[derive(Clone, Copy)]
struct Moment {
    seq: Seq,
    time_ns: u64,
    site: Name,
}

impl Moment {
    fn of(event: &Event, site: Name) -> Self {
        Self { seq: event.seq, time_ns: event.time_ns, site }
    }
}

#[derive(Default)]
struct Registration {
    id: Name,
    /// The moment after which no call may begin.
    barred: Option<Moment>,
    running: BTreeMap<u64, Moment>,
}

/// The registrations, by object number.
#[derive(Default)]
pub(super) struct NoCallbackAfterDeregistration {
    registrations: BTreeMap<u32, Registration>,
}

impl Monitor for NoCallbackAfterDeregistration {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(
            what,
            What::Probe {
                step: ProbeEvent::Registered
                    | ProbeEvent::CallBegan
                    | ProbeEvent::CallEnded
                    | ProbeEvent::Deregistering
                    | ProbeEvent::Deregistered,
                ..
            }
        )
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let What::Probe { step, name, object, number, site } = event.what else { return None };
        let registration = self.registrations.entry(object).or_default();
        let now = Moment::of(event, site);
        let (other, sentence) = match step {
            ProbeEvent::Registered => {
                registration.id = Name::from_number(number);
                return None;
            }
            ProbeEvent::CallEnded => {
                registration.running.remove(&number);
                return None;
            }
            ProbeEvent::Deregistering => {
                registration.barred.get_or_insert(now);
                return None;
            }
            ProbeEvent::CallBegan => {
                registration.running.insert(number, now);
                let barred = registration.barred?;
                let late = span(event.time_ns - barred.time_ns);
                (barred, format!("was called {late} after it had been deregistered"))
            }
            ProbeEvent::Deregistered => {
                registration.barred.get_or_insert(now);
                let first = *registration.running.values().next()?;
                let since = span(event.time_ns - first.time_ns);
                (first, format!("was deregistered while a call was running, {since} after the call began"))
            }
            _ => return None,
        };
        let (name, id) = (facts.text(name), facts.text(registration.id));
        let subject = if id.is_empty() { name.to_owned() } else { format!("{name} {id}") };
        Some(Violation {
            invariant: ID.to_owned(),
            class: name.to_owned(),
            sites: vec![file_of(facts.text(site)), file_of(facts.text(other.site))],
            sentence: format!("{subject} of {} {sentence}", facts.node(event.node)),
            subject,
            at: event.seq,
            turning: vec![other.seq],
            origins: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    fn check(script: Script) -> Vec<Violation> {
        run(NoCallbackAfterDeregistration::default(), script)
    }

    #[test]
    fn a_call_that_begins_after_deregistration_breaks_it() {
        let mut script = Script::new();
        script.keyed(ProbeEvent::Registered, "progress", 1, "q7").probe(ProbeEvent::Deregistered, "progress", 1, 0);
        script.after_ns(2_000_000).probe(ProbeEvent::CallBegan, "progress", 1, 2);
        let [violation] = &check(script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "progress q7 of node-0 was called 2 ms after it had been deregistered");
        assert_eq!(violation.turning, [Seq(1)]);
    }

    #[test]
    fn a_deregistration_over_a_running_call_breaks_it() {
        let mut script = Script::new();
        script.keyed(ProbeEvent::Registered, "progress", 1, "q7").probe(ProbeEvent::CallBegan, "progress", 1, 2);
        script.after_ns(1_000_000).probe(ProbeEvent::Deregistered, "progress", 1, 0).probe(
            ProbeEvent::CallEnded,
            "progress",
            1,
            2,
        );
        let [violation] = &check(script)[..] else { panic!("one violation") };
        assert_eq!(
            violation.sentence,
            "progress q7 of node-0 was deregistered while a call was running, 1 ms after the call began"
        );
    }

    #[test]
    fn a_deregistration_that_waits_for_the_call_keeps_it() {
        let mut script = Script::new();
        script.keyed(ProbeEvent::Registered, "progress", 1, "q7").probe(ProbeEvent::CallBegan, "progress", 1, 2);
        script.probe(ProbeEvent::Deregistering, "progress", 1, 0).probe(ProbeEvent::CallEnded, "progress", 1, 2);
        script.probe(ProbeEvent::Deregistered, "progress", 1, 0);
        assert_eq!(check(script), []);
    }

    #[test]
    fn a_call_that_begins_while_deregistration_waits_breaks_it() {
        let mut script = Script::new();
        script.keyed(ProbeEvent::Registered, "progress", 1, "q7").probe(ProbeEvent::Deregistering, "progress", 1, 0);
        script.probe(ProbeEvent::CallBegan, "progress", 1, 2);
        assert_eq!(check(script).len(), 1);
    }

    #[test]
    fn another_registration_of_the_kind_may_be_called() {
        let mut script = Script::new();
        script.keyed(ProbeEvent::Registered, "progress", 1, "q7").probe(ProbeEvent::Deregistered, "progress", 1, 0);
        script.keyed(ProbeEvent::Registered, "progress", 2, "q8").probe(ProbeEvent::CallBegan, "progress", 2, 3);
        assert_eq!(check(script), []);
    }
}
