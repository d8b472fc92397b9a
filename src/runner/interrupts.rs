//! Ctrl-C and SIGTERM: a campaign ends with its summary, on the command line and under a test runner.

use afterlife_sim::isolate;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of campaigns of tests under way in this process.
static CAMPAIGNS: Mutex<u64> = Mutex::new(0);

/// Catches the first SIGINT or SIGTERM from now on. A second one ends the process at once.
pub(crate) fn catch_interrupts() {
    isolate::catch_interrupts();
}

/// The signal that was caught, if one was.
pub(crate) fn interrupt() -> Option<i32> {
    isolate::interrupt()
}

/// A campaign of a test. While there is one, signals are caught; between campaigns they end the test runner, as they do without
/// afterlife.
#[derive(Debug)]
pub(crate) struct Interruptible(());

impl Interruptible {
    /// Begins a campaign. Waits for the end of the process if that is due: the other campaigns report first.
    pub(crate) fn begin() -> Self {
        let mut campaigns = campaigns();
        if interrupt().is_some() {
            drop(campaigns);
            wait_for_the_end();
        }
        if *campaigns == 0 {
            catch_interrupts();
        }
        *campaigns += 1;
        Self(())
    }

    /// Ends the campaign after a signal, and the process with the last campaign. No further test begins.
    pub(crate) fn leave(self, code: u8) -> ! {
        std::mem::forget(self);
        let mut campaigns = campaigns();
        *campaigns -= 1;
        if *campaigns == 0 {
            std::process::exit(code.into());
        }
        drop(campaigns);
        wait_for_the_end()
    }
}

impl Drop for Interruptible {
    fn drop(&mut self) {
        let mut campaigns = campaigns();
        *campaigns -= 1;
        if *campaigns > 0 {
            return;
        }
        isolate::release_interrupts();
        // It arrived after the last campaign had looked for it.
        if let Some(signal) = interrupt() {
            std::process::exit(128 + signal);
        }
    }
}

fn campaigns() -> MutexGuard<'static, u64> {
    CAMPAIGNS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait_for_the_end() -> ! {
    loop {
        std::thread::park();
    }
}
