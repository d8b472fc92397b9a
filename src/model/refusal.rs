//! A command that cannot be carried out: the reason, and the next step. It is for errors that the user can fix; a bug of afterlife
//! is a panic.

use crate::model::verdict::Verdict;
use crate::model::visible::visible;
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

    /// Returns whether a signal asked the command to end.
    pub(crate) fn is_interruption(&self) -> bool {
        matches!(self.verdict, Verdict::Interrupted(_))
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

/// The text on one line. Reasons quote files, programs and the command line, so it is made safe to print.
fn one_line(text: &str) -> String {
    visible(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_takes_two_lines_and_moves_no_cursor() {
        let refusal = Refusal::new("there is no `\u{1b}[2J\u{9b}x\u{202e}`\n  at all", "write\r\nanother");
        assert_eq!(
            refusal.to_string(),
            "error: there is no `\\u{1b}[2J\\u{9b}x\\u{202e}` at all\n  next: write another"
        );
    }
}
