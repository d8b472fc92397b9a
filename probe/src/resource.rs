//! A resource: something that is opened, used and closed, and must not be used before or after.
//! It owns nothing and closes nothing of the program's: it only says what the program does.

use crate::fact::Fact;
use crate::sink::{tell, tell_of};
use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicU8, Ordering};

/// The lifetime of one generation of something that has to be torn down: a database handle, a pool, a connection.
///
/// Keep it beside what it stands for, share it as that is shared, and call [`close`](Self::close) where that is torn
/// down. A use after the close stays legal Rust; in a run it breaks *no-use-after-teardown*, one before the opening breaks
/// *no-use-before-init*, and a close under a living [`Borrow`] breaks *joined-before-teardown*.
#[derive(Debug)]
pub struct Resource {
    name: &'static str,
    object: u64,
    state: AtomicU8,
    made: &'static Location<'static>,
}

/// Declared, and nothing more: there is nothing to tear down.
const DECLARED: u8 = 0;
/// Opening or open.
const BEGUN: u8 = 1;
/// Torn down.
const CLOSED: u8 = 2;

impl Resource {
    /// Says that a resource of this name came to life. Each call is a new generation.
    #[track_caller]
    #[must_use = "dropping a Resource says that it was torn down"]
    pub fn open(name: &'static str) -> Self {
        let made = Location::caller();
        let object = tell(&Fact::Opened { name, object: 0 }, made);
        Self { name, object, state: AtomicU8::new(BEGUN), made }
    }

    /// Says that a resource of this name exists and is not ready: it is used only after [`opened`](Self::opened).
    #[track_caller]
    #[must_use = "a Resource that nobody keeps says nothing more"]
    pub fn declare(name: &'static str) -> Self {
        let made = Location::caller();
        let object = tell(&Fact::Declared { name }, made);
        Self { name, object, state: AtomicU8::new(DECLARED), made }
    }

    /// Says that opening begins. Should it be cut short (by a panic that somebody catches), the resource must be closed
    /// before anybody goes on with it: *closed-or-open*.
    #[inline]
    #[track_caller]
    pub fn opening(&self) {
        self.state.store(BEGUN, Ordering::Relaxed);
        tell(&Fact::Opening { name: self.name, object: self.object }, Location::caller());
    }

    /// Says that a declared resource is ready from here on.
    #[inline]
    #[track_caller]
    pub fn opened(&self) {
        self.state.store(BEGUN, Ordering::Relaxed);
        tell(&Fact::Opened { name: self.name, object: self.object }, Location::caller());
    }

    /// Says that the resource is being used, here and now.
    #[inline]
    #[track_caller]
    pub fn used(&self) {
        tell_of(|| Fact::Used { name: self.name, object: self.object, by: None }, Location::caller());
    }

    /// Says who uses the resource: `db.used_by(format_args!("apply {index}"))`. Formatted only in a run.
    #[inline]
    #[track_caller]
    pub fn used_by(&self, who: fmt::Arguments<'_>) {
        tell_of(|| Fact::Used { name: self.name, object: self.object, by: Some(who) }, Location::caller());
    }

    /// Says that somebody holds the resource until the guard is dropped.
    #[inline]
    #[track_caller]
    pub fn borrow(&self) -> Borrow {
        let made = Location::caller();
        let borrow = tell_of(|| Fact::Borrowed { name: self.name, object: self.object }, made);
        Borrow { name: self.name, object: self.object, borrow, end: made }
    }

    /// Says that the resource was torn down. A second call says it again, and breaks *close-once*; one on a resource that
    /// was only declared breaks *no-use-before-init*.
    #[track_caller]
    pub fn close(&self) {
        self.state.store(CLOSED, Ordering::Relaxed);
        tell(&Fact::Closed { name: self.name, object: self.object }, Location::caller());
    }

    /// The name that it was made with.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl Drop for Resource {
    fn drop(&mut self) {
        if self.state.load(Ordering::Relaxed) == BEGUN {
            tell(&Fact::Closed { name: self.name, object: self.object }, self.made);
        }
    }
}

/// Somebody holds a [`Resource`] as long as this lives.
#[derive(Debug)]
#[must_use = "dropping a Borrow says that the resource is not held any more"]
pub struct Borrow {
    name: &'static str,
    object: u64,
    borrow: u64,
    end: &'static Location<'static>,
}

impl Borrow {
    /// Says that the resource is returned, here; dropping the guard says so with the place of the borrow.
    #[inline]
    #[track_caller]
    pub fn end(mut self) {
        self.end = Location::caller();
    }
}

impl Drop for Borrow {
    fn drop(&mut self) {
        tell_of(|| Fact::Returned { name: self.name, object: self.object, borrow: self.borrow }, self.end);
    }
}
