//! A registration: a callback that may be called until it is deregistered.
//! It calls nothing and waits for nothing.

use crate::fact::Fact;
use crate::sink::{tell, tell_of};
use core::fmt;
use core::panic::Location;

/// The lifetime of one registered callback.
///
/// *no-callback-after-deregistration*: no call begins once it is deregistered, and deregistration is over only when the
/// calls that ran have ended.
#[derive(Debug)]
pub struct Registration {
    name: &'static str,
    object: u64,
}

impl Registration {
    /// Says that a callback of this kind was registered: `Registration::new("progress", query_id)`.
    #[track_caller]
    pub fn new(name: &'static str, id: impl fmt::Display) -> Self {
        Self { name, object: tell(&Fact::Registered { name, id: format_args!("{id}") }, Location::caller()) }
    }

    /// Says that the callback is being called, until the guard is dropped.
    #[inline]
    #[track_caller]
    pub fn fire(&self) -> Call {
        let made = Location::caller();
        let call = tell_of(|| Fact::CallBegan { name: self.name, object: self.object }, made);
        Call { name: self.name, object: self.object, call, end: made }
    }

    /// Says that the registration is over, here and now: for code that does not wait for calls that run.
    #[track_caller]
    pub fn deregister(&self) {
        tell(&Fact::Deregistered { name: self.name, object: self.object }, Location::caller());
    }

    /// Says that no further call may begin and that those which run are waited for, until the guard is dropped.
    #[track_caller]
    pub fn deregistering(&self) -> Deregistering {
        let made = Location::caller();
        tell(&Fact::Deregistering { name: self.name, object: self.object }, made);
        Deregistering { name: self.name, object: self.object, end: made }
    }
}

/// A callback is being called as long as this lives.
#[derive(Debug)]
#[must_use = "dropping a Call says that the callback has returned"]
pub struct Call {
    name: &'static str,
    object: u64,
    call: u64,
    end: &'static Location<'static>,
}

impl Call {
    /// Says that the callback returns, here; dropping the guard says so with the place of the call.
    #[inline]
    #[track_caller]
    pub fn end(mut self) {
        self.end = Location::caller();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        tell_of(|| Fact::CallEnded { name: self.name, object: self.object, call: self.call }, self.end);
    }
}

/// A deregistration that waits, as long as this lives.
#[derive(Debug)]
#[must_use = "dropping it says that the wait is over"]
pub struct Deregistering {
    name: &'static str,
    object: u64,
    end: &'static Location<'static>,
}

impl Deregistering {
    /// Says that the wait is over, here; dropping the guard says so with the place where the wait began.
    #[track_caller]
    pub fn end(mut self) {
        self.end = Location::caller();
    }
}

impl Drop for Deregistering {
    fn drop(&mut self) {
        tell(&Fact::Deregistered { name: self.name, object: self.object }, self.end);
    }
}
