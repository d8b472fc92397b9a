//! An event together with the record that resolves its names.

use crate::run::request::Record;
use afterlife_sim::event::Event;
use std::sync::Arc;

/// An event of a run, with the run's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    record: Arc<Record>,
    index: usize,
}

impl Moment {
    /// The event at this index, if the record has one.
    pub(crate) fn of(record: &Arc<Record>, index: usize) -> Option<Self> {
        (index < record.events.len()).then(|| Self { record: record.clone(), index })
    }

    /// The event.
    pub(crate) fn event(&self) -> &Event {
        &self.record.events[self.index]
    }

    /// The record that it is part of.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }
}
