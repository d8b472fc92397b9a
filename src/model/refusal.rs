//! A command that cannot be carried out: the reason, and the next step. It is for errors that the user can fix; a bug of afterlife
//! is a panic.

use crate::model::verdict::Verdict;
use std::fmt;

/// The reason why a command cannot be carried out, and the next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The reason, on one line.
    pub(crate) why: String,
    /// The next step, on one line.
    pub(crate) next: String,
    /// The verdict, which decides the exit code.
    pub(crate) verdict: Verdict,
}

impl Refusal {
    /// A refusal with exit code 2.
    pub(crate) fn new(why: impl Into<String>, next: impl Into<String>) -> Self {
        Self { why: one_line(&why.into()), next: one_line(&next.into()), verdict: Verdict::Refused }
    }

    /// The same with another exit code.
    pub(crate) fn ending(mut self, verdict: Verdict) -> Self {
        self.verdict = verdict;
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\n  next: {}", self.why, self.next)
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
