//! *notify-before-close*: the reader of a watch is notified of its end before the channel closes. A process that dies closes
//! nothing: its channels die with it.

use super::contract::{Facts, Monitor};
use super::site::file_of;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, ProbeEvent, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "notify-before-close";

/// The open channels whose readers were not notified of an end.
#[derive(Default)]
pub(super) struct NotifyBeforeClose {
    unnotified: BTreeMap<u32, (Seq, Name)>,
}

impl Monitor for NotifyBeforeClose {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(
            what,
            What::Probe {
                step: ProbeEvent::ChannelOpened | ProbeEvent::ChannelNotified | ProbeEvent::ChannelClosed,
                ..
            }
        )
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let What::Probe { step, name, object, site, .. } = event.what else { return None };
        if step == ProbeEvent::ChannelOpened {
            self.unnotified.insert(object, (event.seq, site));
            return None;
        }
        let (opened, opened_site) = self.unnotified.remove(&object)?;
        if step == ProbeEvent::ChannelNotified {
            return None;
        }
        let name = facts.text(name);
        Some(Violation {
            invariant: ID.to_owned(),
            class: name.to_owned(),
            sites: vec![file_of(facts.text(site)), file_of(facts.text(opened_site))],
            subject: name.to_owned(),
            sentence: format!("{} closed {name} without notifying its reader", facts.node(event.node)),
            at: event.seq,
            turning: vec![opened],
            origins: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    #[test]
    fn a_channel_that_closes_without_a_notice_breaks_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::ChannelOpened, "shard watch", 1, 0).probe(
            ProbeEvent::ChannelClosed,
            "shard watch",
            1,
            0,
        );
        let [violation] = &run(NotifyBeforeClose::default(), script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 closed shard watch without notifying its reader");
    }

    #[test]
    fn a_channel_that_notifies_its_reader_first_keeps_it() {
        let mut script = Script::new();
        script.probe(ProbeEvent::ChannelOpened, "shard watch", 1, 0).probe(
            ProbeEvent::ChannelNotified,
            "shard watch",
            1,
            0,
        );
        script.probe(ProbeEvent::ChannelClosed, "shard watch", 1, 0);
        assert_eq!(run(NotifyBeforeClose::default(), script), []);
    }
}
