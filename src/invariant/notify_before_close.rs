//! The reader of a watch is notified of the end before the channel closes.
//! A process that dies closes nothing: its channels are gone with it.

use super::contract::{Facts, Invariant};
use super::site::place;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, Name, ProbeEvent, Seq, What};
use std::collections::BTreeMap;

pub(super) const ID: &str = "notify-before-close";

/// Tracks the open channels whose readers have not been notified yet.
#[derive(Default)]
pub(super) struct NotifyBeforeClose {
    pending: BTreeMap<u32, (Seq, Name)>,
}

impl Invariant for NotifyBeforeClose {
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
            self.pending.insert(object, (event.seq, site));
            return None;
        }
        let (opened, opened_site) = self.pending.remove(&object)?;
        if step == ProbeEvent::ChannelNotified {
            return None;
        }
        let name = facts.text(name);
        Some(Violation {
            invariant: ID.to_owned(),
            class: name.to_owned(),
            sites: vec![place(facts.text(site)), place(facts.text(opened_site))],
            subject: name.to_owned(),
            sentence: format!("{} closed {name} without notifying its reader", facts.node(event.node)),
            at: event.seq,
            turning: vec![opened],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    #[test]
    fn a_channel_that_closes_without_a_word_breaks_it() {
        let mut script = Script::new();
        script.told(ProbeEvent::ChannelOpened, "shard watch", 1, 0).told(
            ProbeEvent::ChannelClosed,
            "shard watch",
            1,
            0,
        );
        let [violation] = &run(NotifyBeforeClose::default(), script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "node-0 closed shard watch without notifying its reader");
    }

    #[test]
    fn one_that_tells_its_reader_first_does_not() {
        let mut script = Script::new();
        script.told(ProbeEvent::ChannelOpened, "shard watch", 1, 0).told(
            ProbeEvent::ChannelNotified,
            "shard watch",
            1,
            0,
        );
        script.told(ProbeEvent::ChannelClosed, "shard watch", 1, 0);
        assert_eq!(run(NotifyBeforeClose::default(), script), []);
    }
}
