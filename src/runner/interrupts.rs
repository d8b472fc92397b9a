//! Ctrl-C and SIGTERM, as commands see them: a campaign ends with its summary.

use afterlife_sim::isolate;

/// Catches the first SIGINT or SIGTERM from now on. A second one ends the process at once.
pub(crate) fn catch_interrupts() {
    isolate::catch_interrupts();
}

/// The signal that was caught, if one was.
pub(crate) fn interrupt() -> Option<i32> {
    isolate::interrupt()
}
