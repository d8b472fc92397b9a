//! A command that cannot be carried out: one line that says why, one that says what to do next.
//! It is for what the user can mend; a bug of afterlife's own is a panic.

use crate::model::verdict::Verdict;
use std::fmt;

/// Why not, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Why, on one line.
    pub(crate) why: String,
    /// What to do, on one line.
    pub(crate) next: String,
    /// The exit code's meaning.
    pub(crate) verdict: Verdict,
}

impl Refusal {
    /// A refusal of what the user gave.
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
