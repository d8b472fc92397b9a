//! The reasons for which a runner process does not reply.

use crate::model::refusal::Refusal;
use std::io;

/// Why a runner did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunnerError {
    /// It could not be started.
    #[error("the runner process could not be started: {0}")]
    Start(#[source] io::Error),
    /// It died under a request, twice.
    #[error("the runner process died at seed {seed} of {scenario}{}", said(.words))]
    Died {
        /// The scenario.
        scenario: String,
        /// The seed.
        seed: u64,
        /// What it wrote to its standard error last.
        words: String,
    },
    /// It does not know what it was asked for.
    #[error("the runner process refused the request: {0}")]
    Refused(String),
}

impl RunnerError {
    /// What to do about it.
    pub(crate) fn next(&self) -> String {
        match self {
            Self::Start(_) => "check that the executable still exists".to_owned(),
            Self::Died { seed, .. } => {
                format!("run this seed alone: --seeds {seed}..{} --jobs 1", seed.saturating_add(1))
            }
            Self::Refused(_) => {
                "fix the cause; if it is fixed, build again, so that runner processes start the new executable"
                    .to_owned()
            }
        }
    }
}

impl From<RunnerError> for Refusal {
    fn from(error: RunnerError) -> Self {
        Self::new(error.to_string(), error.next())
    }
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(", saying: {words}") }
}
