//! A resource: something that is opened, used and closed, and must not be used after it was closed.
//! It owns nothing and closes nothing of the program's: it only says what the program does.

use crate::sink::{Fact, tell};
use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicBool, Ordering};

/// The lifetime of one generation of something that has to be torn down: a database handle, a pool, a connection.
///
/// Keep it beside what it stands for, share it as that is shared, and call [`close`](Self::close) where that is torn
/// down. A use after the close stays legal Rust; in a run it breaks *no-use-after-teardown*.
#[derive(Debug)]
pub struct Resource {
    name: &'static str,
    object: u64,
    closed: AtomicBool,
}

impl Resource {
    /// Says that a resource of this name came to life. Each call is a new generation.
    #[track_caller]
    #[must_use = "dropping a Resource says that it was torn down"]
    pub fn open(name: &'static str) -> Self {
        let object = tell(&Fact::Opened { name }, Location::caller());
        Self { name, object, closed: AtomicBool::new(false) }
    }

    /// Says that the resource is being used, here and now.
    #[inline]
    #[track_caller]
    pub fn used(&self) {
        tell(&Fact::Used { name: self.name, object: self.object, by: None }, Location::caller());
    }

    /// Says who uses the resource: `db.used_by(format_args!("apply {index}"))`. Formatted only in a run.
    #[inline]
    #[track_caller]
    pub fn used_by(&self, who: fmt::Arguments<'_>) {
        tell(&Fact::Used { name: self.name, object: self.object, by: Some(who) }, Location::caller());
    }

    /// Says that the resource was torn down. A second call says it again (*close-once* is a claim of its own).
    #[track_caller]
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        tell(&Fact::Closed { name: self.name, object: self.object }, Location::caller());
    }

    /// The name that it was opened with.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl Drop for Resource {
    #[track_caller]
    fn drop(&mut self) {
        if !self.closed.load(Ordering::Relaxed) {
            tell(&Fact::Closed { name: self.name, object: self.object }, Location::caller());
        }
    }
}
