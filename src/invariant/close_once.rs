//! *close-once*: a resource, a channel or a registration ends once. A close request after the end that does nothing is harmless;
//! probes do not report it.

use super::contract::{Facts, Monitor};
use super::site::file_of;
use crate::model::duration::span;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, ProbeEvent, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "close-once";

/// The objects that have ended.
#[derive(Default)]
pub(super) struct CloseOnce {
    ended: BTreeMap<u32, (Seq, u64, Name)>,
}

impl Monitor for CloseOnce {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(
            what,
            What::ResourceClosed { .. }
                | What::Probe { step: ProbeEvent::ChannelClosed | ProbeEvent::Deregistered, .. }
        )
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let (name, object, site) = match event.what {
            What::ResourceClosed { name, object, site } | What::Probe { name, object, site, .. } => {
                (name, object, site)
            }
            _ => return None,
        };
        let (first, time_ns, first_site) = self.ended.insert(object, (event.seq, event.time_ns, site))?;
        let name = facts.text(name);
        let later = span(event.time_ns - time_ns);
        Some(Violation {
            invariant: ID.to_owned(),
            class: name.to_owned(),
            sites: vec![file_of(facts.text(site)), file_of(facts.text(first_site))],
            subject: name.to_owned(),
            sentence: format!("{} closed {name} a second time, {later} after the first", facts.node(event.node)),
            at: event.seq,
            turning: vec![first],
            origins: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    #[test]
    fn a_second_close_breaks_it() {
        let mut script = Script::new();
        script.open("stopc", 1).closed("stopc", 1).after_ns(2_000_000).closed("stopc", 1);
        let [violation] = &run(CloseOnce::default(), script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 closed stopc a second time, 2 ms after the first");
    }

    #[test]
    fn one_close_of_each_generation_does_not() {
        let mut script = Script::new();
        script.open("db", 1).closed("db", 1).open("db", 2).closed("db", 2);
        script.probe(ProbeEvent::ChannelClosed, "watch", 3, 0).probe(ProbeEvent::Deregistered, "progress", 4, 0);
        assert_eq!(run(CloseOnce::default(), script), []);
    }
}
