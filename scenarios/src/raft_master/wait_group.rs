//! Go's wait group and its stop channel, with the panics that Go gives them. They are not idiomatic Rust. The shipped
//! and patched builds keep upstream's primitives because the panics are part of their behaviour.

use crate::rt::sync::watch;
use afterlife_probe::Resource;

/// A counter that tasks can wait on until it is zero.
#[derive(Debug)]
pub(super) struct WaitGroup {
    count: watch::Sender<i64>,
}

impl WaitGroup {
    pub(super) fn new() -> Self {
        Self { count: watch::Sender::new(0) }
    }

    /// Adds `delta`.
    ///
    /// # Panics
    ///
    /// If the counter falls below zero, as Go's does. Upstream's `Add(1)` is the last line of `Start`, so a signal that
    /// arrives earlier ends the process here.
    pub(super) fn add(&self, delta: i64) {
        let mut now = 0;
        self.count.send_modify(|count| {
            *count += delta;
            now = *count;
        });
        assert!(now >= 0, "sync: negative WaitGroup counter");
    }

    /// Subtracts one.
    pub(super) fn done(&self) {
        self.add(-1);
    }

    /// Waits until the counter is zero.
    pub(super) async fn wait(&self) {
        // The sender lives in `self`, so the channel cannot close before this returns.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// A channel that carries no values and is only ever closed, as a request to stop.
#[derive(Debug)]
pub(super) struct StopChannel {
    closed: watch::Sender<bool>,
    probe: Resource,
}

impl StopChannel {
    pub(super) fn new() -> Self {
        Self { closed: watch::Sender::new(false), probe: Resource::open("stopc") }
    }

    /// Closes the channel.
    ///
    /// # Panics
    ///
    /// If the channel is closed already, as Go's `close` does.
    #[track_caller]
    pub(super) fn close(&self) {
        self.probe.close();
        assert!(!self.closed.send_replace(true), "close of closed channel");
    }

    /// Waits until the channel is closed.
    pub(super) async fn closed(&self) {
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }
}
