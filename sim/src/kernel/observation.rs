//! Observation: the observer of a run, and the events that happen while it acts.
//! It is generic over the kernel, so that the kernel can hold it.

use crate::event::{Event, What};
use std::collections::VecDeque;

/// Sees what happens in a kernel, and may act on it. Called while no thread of the run goes on.
pub(crate) trait Consult<K> {
    /// Whether events of this kind are of interest.
    fn wants(&self, what: &What) -> bool;
    /// An event happened.
    fn event(&mut self, event: &Event, kernel: &mut K);
    /// An alarm of this token is due.
    fn alarm(&mut self, token: u64, kernel: &mut K);
    /// Nothing can run and no deadline is left.
    fn quiescent(&mut self, kernel: &mut K);
    /// The run is over: the observer's results.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any>;
}

/// The observer, and the events that it has not seen yet.
pub(crate) struct Observation<K> {
    observer: Option<Box<dyn Consult<K>>>,
    unobserved: VecDeque<Event>,
    /// The observer is at work: events wait until it has returned.
    observing: bool,
}

impl<K> Default for Observation<K> {
    fn default() -> Self {
        Self { observer: None, unobserved: VecDeque::new(), observing: false }
    }
}

impl<K> Observation<K> {
    pub(crate) fn set(&mut self, observer: Box<dyn Consult<K>>) {
        self.observer = Some(observer);
    }

    /// Takes the observer out for good.
    pub(crate) fn take(&mut self) -> Option<Box<dyn Consult<K>>> {
        self.observer.take()
    }

    /// Whether the observer must be consulted about this event now. Keeps the event for later while the observer is at work.
    #[inline]
    pub(crate) fn concerns(&mut self, event: &Event) -> bool {
        if self.observing {
            self.unobserved.push_back(*event);
            return false;
        }
        self.observer.as_ref().is_some_and(|observer| observer.wants(&event.what))
    }

    /// Lends the observer to the caller until [`end`](Self::end).
    pub(crate) fn begin(&mut self) -> Option<Box<dyn Consult<K>>> {
        let observer = self.observer.take()?;
        self.observing = true;
        Some(observer)
    }

    /// Takes the observer back.
    pub(crate) fn end(&mut self, observer: Box<dyn Consult<K>>) {
        self.observing = false;
        self.observer = Some(observer);
    }

    /// Whether events wait for the observer.
    pub(crate) fn is_behind(&self) -> bool {
        !self.unobserved.is_empty()
    }

    /// The next event that waits for the observer.
    pub(crate) fn next(&mut self) -> Option<Event> {
        self.unobserved.pop_front()
    }
}
