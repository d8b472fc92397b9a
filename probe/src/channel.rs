//! A channel whose reader must be notified of its end.
//! It transports no data.

use crate::fact::Fact;
use crate::sink::report;
use core::panic::Location;
use core::sync::atomic::{AtomicBool, Ordering};

/// The writing end of a watch or subscription.
///
/// *notify-before-close*: the reader is notified of the end before the channel closes.
///
/// *close-once*: the channel closes once.
///
/// Dropping a `Channel` that is still open reports that it closed, with the source line that opened it.
///
/// ```
/// let watch = afterlife_probe::Channel::open("topology-watch");
/// watch.notified(); // the error that ends the watch has been sent
/// watch.close();
/// ```
#[derive(Debug)]
pub struct Channel {
    name: &'static str,
    object: u64,
    closed: AtomicBool,
    opened_at: &'static Location<'static>,
}

impl Channel {
    /// Reports that a channel of this name was opened.
    #[track_caller]
    #[must_use = "dropping a Channel reports that it closed"]
    pub fn open(name: &'static str) -> Self {
        let opened_at = Location::caller();
        let object = report(&Fact::ChannelOpened { name }, opened_at);
        Self { name, object, closed: AtomicBool::new(false), opened_at }
    }

    /// Reports that the reader was sent the last message: the error that ends the watch, or a plain end.
    #[track_caller]
    pub fn notified(&self) {
        report(&Fact::ChannelNotified { name: self.name, object: self.object }, Location::caller());
    }

    /// Reports that the channel closed. A second call reports it again and breaks *close-once*.
    #[track_caller]
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        report(&Fact::ChannelClosed { name: self.name, object: self.object }, Location::caller());
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if !self.closed.load(Ordering::Relaxed) {
            report(&Fact::ChannelClosed { name: self.name, object: self.object }, self.opened_at);
        }
    }
}
