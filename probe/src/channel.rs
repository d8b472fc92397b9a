//! A channel that watches something, and how its reader learns of its end.
//! It carries nothing.

use crate::fact::Fact;
use crate::sink::tell;
use core::panic::Location;
use core::sync::atomic::{AtomicBool, Ordering};

/// The writing end of a watch. *close-is-told*: its reader is told of the end before the channel closes; *close-once*: it
/// closes once.
#[derive(Debug)]
pub struct Channel {
    name: &'static str,
    object: u64,
    closed: AtomicBool,
    made: &'static Location<'static>,
}

impl Channel {
    /// Says that a channel of this name was opened.
    #[track_caller]
    #[must_use = "dropping a Channel says that it closed"]
    pub fn open(name: &'static str) -> Self {
        let made = Location::caller();
        let object = tell(&Fact::ChannelOpened { name }, made);
        Self { name, object, closed: AtomicBool::new(false), made }
    }

    /// Says that the reader was sent the last event: the error that ends the watch, or a plain end.
    #[track_caller]
    pub fn told(&self) {
        tell(&Fact::ChannelTold { name: self.name, object: self.object }, Location::caller());
    }

    /// Says that the channel closed. A second call says it again.
    #[track_caller]
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        tell(&Fact::ChannelClosed { name: self.name, object: self.object }, Location::caller());
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if !self.closed.load(Ordering::Relaxed) {
            tell(&Fact::ChannelClosed { name: self.name, object: self.object }, self.made);
        }
    }
}
