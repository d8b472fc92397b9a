//! A refusal of this command: the reason and the next step; and cargo, whose failures are refusals.

use std::io;
use std::process::Command;

/// The reason why nothing can be run, and the next step.
pub(crate) struct Refusal {
    pub(crate) why: String,
    pub(crate) next: String,
    /// True if this code cannot be judged, because it does not build. `git bisect` skips it.
    pub(crate) is_unbuilt: bool,
}

impl Refusal {
    pub(crate) fn new(why: impl Into<String>, next: impl Into<String>) -> Self {
        Self { why: why.into(), next: next.into(), is_unbuilt: false }
    }

    /// A refusal because something does not build. Cargo has printed its errors.
    pub(crate) fn unbuilt(why: impl Into<String>) -> Self {
        Self { is_unbuilt: true, ..Self::new(why, "fix the errors above; `git bisect run` skips this commit") }
    }

    pub(crate) fn cargo(error: &io::Error) -> Self {
        Self::new(format!("cargo could not be started: {error}"), "check that cargo is in PATH")
    }
}

/// The cargo that started this command.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
