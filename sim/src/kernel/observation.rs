//! Observation: the observer of a run, and the events that happen while it acts.
//! It is generic over the kernel, so that the kernel can hold it.

use crate::event::{Event, What};
use std::collections::VecDeque;

/// The observer as the kernel calls it, while no thread of the run goes on.
pub(crate) trait Consult<K> {
    /// Returns whether this event is of interest.
    fn wants(&self, what: &What) -> bool;
    /// Receives an event.
    fn event(&mut self, event: &Event, kernel: &mut K);
    /// Receives an alarm that is due.
    fn alarm(&mut self, token: u64, kernel: &mut K);
    /// Called when nothing can run and no deadline is pending, before the event that reports it.
    fn stuck(&mut self, kernel: &mut K);
    /// Called after that event.
    fn quiescent(&mut self, kernel: &mut K);
    /// Called when the run's time is up, before it ends.
    fn time_is_up(&mut self, kernel: &mut K);
    /// Returns the observer's results, at the end of the run.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any>;
}

/// The observer, and the events that it has not seen yet.
pub(crate) struct Observation<K> {
    observer: Option<Box<dyn Consult<K>>>,
    unobserved: VecDeque<Event>,
    /// The observer is active: events wait until it returns.
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

    /// Returns whether the observer must be consulted about this event now. Queues the event while the observer is active.
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

    /// Returns whether events wait for the observer.
    pub(crate) fn is_behind(&self) -> bool {
        !self.unobserved.is_empty()
    }

    /// The next event that waits for the observer.
    pub(crate) fn next(&mut self) -> Option<Event> {
        self.unobserved.pop_front()
    }
}
