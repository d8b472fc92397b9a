//! A refusal of this command: the reason and the next step; and cargo, whose failures are refusals.

use std::io;
use std::process::Command;

/// The reason why nothing can be run, and the next step.
pub(crate) struct Refusal {
    pub(crate) why: String,
    pub(crate) next: String,
}

impl Refusal {
    pub(crate) fn new(why: impl Into<String>, next: impl Into<String>) -> Self {
        Self { why: why.into(), next: next.into() }
    }

    pub(crate) fn cargo(error: &io::Error) -> Self {
        Self::new(format!("cargo could not be started: {error}"), "check that cargo is in PATH")
    }
}

/// The cargo that started this command.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
