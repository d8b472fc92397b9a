//! A resource that is opened, used and closed, and must not be used before or after.
//! It owns and closes nothing: it reports the program's actions.

use crate::fact::Fact;
use crate::sink::{report, report_with};
use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicU8, Ordering};

/// The lifetime of one generation of a resource that must be torn down, such as a database handle, a pool or a connection.
///
/// Keep it beside the resource, share it in the same way, and call [`close`](Self::close) where the resource is torn down. A
/// use after the close remains legal Rust. In a run it breaks *no-use-after-teardown*; a use before the opening
/// breaks *no-use-before-init*; a close under a live [`Borrow`] breaks *joined-before-teardown*.
///
/// Dropping a `Resource` that is opening or open reports that it was closed, with the source line that created it. One
/// that was only declared, or is closed already, reports nothing.
///
/// ```
/// use afterlife_probe::Resource;
///
/// let db = Resource::open("metadata-db");
/// db.used();
/// db.used_by(format_args!("apply {}", 22));
/// let borrow = db.borrow();
/// borrow.end();
/// db.close();
/// ```
#[derive(Debug)]
pub struct Resource {
    name: &'static str,
    object: u64,
    state: AtomicU8,
    made_at: &'static Location<'static>,
}

/// Declared only: there is nothing to tear down.
const DECLARED: u8 = 0;
/// Opening or open.
const BEGUN: u8 = 1;
/// Torn down.
const CLOSED: u8 = 2;

impl Resource {
    /// Reports that a resource of this name was opened. Each call starts a new generation.
    #[track_caller]
    #[must_use = "dropping a Resource reports that it was closed"]
    pub fn open(name: &'static str) -> Self {
        let made_at = Location::caller();
        let object = report(&Fact::Opened { name, object: 0 }, made_at);
        Self { name, object, state: AtomicU8::new(BEGUN), made_at }
    }

    /// Reports that a resource of this name exists and is not ready: it may be used after [`opened`](Self::opened) only.
    #[track_caller]
    #[must_use = "a Resource that is dropped here reports nothing more"]
    pub fn declare(name: &'static str) -> Self {
        let made_at = Location::caller();
        let object = report(&Fact::Declared { name }, made_at);
        Self { name, object, state: AtomicU8::new(DECLARED), made_at }
    }

    /// Reports that a declared resource begins to open.
    ///
    /// An opening that fails, for example by a caught panic, must be followed by a close before any other use of the resource
    /// (*closed-or-open*).
    #[inline]
    #[track_caller]
    pub fn opening(&self) {
        self.state.store(BEGUN, Ordering::Relaxed);
        report(&Fact::Opening { name: self.name, object: self.object }, Location::caller());
    }

    /// Reports that a declared resource is ready.
    #[inline]
    #[track_caller]
    pub fn opened(&self) {
        self.state.store(BEGUN, Ordering::Relaxed);
        report(&Fact::Opened { name: self.name, object: self.object }, Location::caller());
    }

    /// Reports one use of the resource.
    #[inline]
    #[track_caller]
    pub fn used(&self) {
        report_with(|| Fact::Used { name: self.name, object: self.object, by: None }, Location::caller());
    }

    /// Reports one use of the resource and its user: `db.used_by(format_args!("apply {index}"))`.
    ///
    /// `user` is formatted in a run only.
    #[inline]
    #[track_caller]
    pub fn used_by(&self, user: fmt::Arguments<'_>) {
        report_with(|| Fact::Used { name: self.name, object: self.object, by: Some(user) }, Location::caller());
    }

    /// Reports that the resource is held until the guard is dropped or [ended](Borrow::end).
    #[inline]
    #[track_caller]
    pub fn borrow(&self) -> Borrow {
        let site = Location::caller();
        let borrow = report_with(|| Fact::Borrowed { name: self.name, object: self.object }, site);
        Borrow { name: self.name, object: self.object, borrow, end: site }
    }

    /// Reports that the resource was closed.
    ///
    /// A second call reports it again and breaks *close-once*. Closing a resource that was only declared breaks
    /// *no-use-before-init*.
    #[track_caller]
    pub fn close(&self) {
        self.state.store(CLOSED, Ordering::Relaxed);
        report(&Fact::Closed { name: self.name, object: self.object }, Location::caller());
    }

    /// Returns the resource's name.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl Drop for Resource {
    fn drop(&mut self) {
        if self.state.load(Ordering::Relaxed) == BEGUN {
            report(&Fact::Closed { name: self.name, object: self.object }, self.made_at);
        }
    }
}

/// A hold on a [`Resource`], which must not be closed meanwhile.
///
/// Dropping it reports that the hold is over, with the source line of the borrow.
#[derive(Debug)]
#[must_use = "dropping a Borrow reports that the resource is no longer held"]
pub struct Borrow {
    name: &'static str,
    object: u64,
    borrow: u64,
    end: &'static Location<'static>,
}

impl Borrow {
    /// Reports that the hold is over, with the caller's source line.
    #[inline]
    #[track_caller]
    pub fn end(mut self) {
        self.end = Location::caller();
    }
}

impl Drop for Borrow {
    fn drop(&mut self) {
        report_with(|| Fact::Returned { name: self.name, object: self.object, borrow: self.borrow }, self.end);
    }
}
