//! A callback that may be called until it is deregistered.
//! It calls nothing and waits for nothing.

use crate::fact::Fact;
use crate::sink::{report, report_with};
use core::fmt;
use core::panic::Location;

/// The lifetime of one registered callback.
///
/// *no-callback-after-deregistration*: no call begins after the deregistration, and a deregistration that waits is over
/// only when the running calls have ended.
///
/// Dropping a `Registration` reports nothing.
///
/// ```
/// let callback = afterlife_probe::Registration::new("progress", 7);
/// let call = callback.fire();
/// // … the callback's body
/// call.end();
/// callback.deregister();
/// ```
#[derive(Debug)]
pub struct Registration {
    name: &'static str,
    object: u64,
}

impl Registration {
    /// Reports that a callback of this kind was registered: `Registration::new("progress", query_id)`.
    ///
    /// `id` names the callback among those of its kind. It is formatted in a run only.
    #[track_caller]
    pub fn new(name: &'static str, id: impl fmt::Display) -> Self {
        Self { name, object: report(&Fact::Registered { name, id: format_args!("{id}") }, Location::caller()) }
    }

    /// Reports that a call of the callback begins. It lasts until the guard is dropped or [ended](Call::end).
    #[inline]
    #[track_caller]
    pub fn fire(&self) -> Call {
        let site = Location::caller();
        let call = report_with(|| Fact::CallBegan { name: self.name, object: self.object }, site);
        Call { name: self.name, object: self.object, call, end: site }
    }

    /// Reports that the callback is deregistered now, for code that does not wait for running calls.
    #[track_caller]
    pub fn deregister(&self) {
        report(&Fact::Deregistered { name: self.name, object: self.object }, Location::caller());
    }

    /// Reports that no further call may begin and that the program waits for the running ones, until the guard is dropped
    /// or [ended](Deregistering::end).
    #[track_caller]
    pub fn deregistering(&self) -> Deregistering {
        let site = Location::caller();
        report(&Fact::Deregistering { name: self.name, object: self.object }, site);
        Deregistering { name: self.name, object: self.object, end: site }
    }
}

/// A running call of a [`Registration`].
///
/// Dropping it reports that the callback returned, with the source line that began the call.
#[derive(Debug)]
#[must_use = "dropping a Call reports that the callback returned"]
pub struct Call {
    name: &'static str,
    object: u64,
    call: u64,
    end: &'static Location<'static>,
}

impl Call {
    /// Reports that the callback returns, with the caller's source line.
    #[inline]
    #[track_caller]
    pub fn end(mut self) {
        self.end = Location::caller();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        report_with(|| Fact::CallEnded { name: self.name, object: self.object, call: self.call }, self.end);
    }
}

/// A deregistration that waits for running calls.
///
/// Dropping it reports that the callback is deregistered, with the source line that began the wait.
#[derive(Debug)]
#[must_use = "dropping a Deregistering reports that the wait is over"]
pub struct Deregistering {
    name: &'static str,
    object: u64,
    end: &'static Location<'static>,
}

impl Deregistering {
    /// Reports that the callback is deregistered, with the caller's source line.
    #[track_caller]
    pub fn end(mut self) {
        self.end = Location::caller();
    }
}

impl Drop for Deregistering {
    fn drop(&mut self) {
        report(&Fact::Deregistered { name: self.name, object: self.object }, self.end);
    }
}
