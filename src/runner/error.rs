//! The reasons why a runner process does not reply.

use super::protocol::{self, Stranger};
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use afterlife_sim::event::signal_name;
use std::io;

/// The reason why a runner did not reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunnerError {
    /// It could not be started.
    #[error("the runner process could not be started: {0}")]
    Start(#[source] io::Error),
    /// The machine has too little memory for a run.
    #[error("{why}")]
    Memory {
        /// The reason.
        why: String,
        /// The limit to raise.
        next: String,
    },
    /// This process was asked to end.
    #[error("interrupted by {}", signal_name(*.0))]
    Interrupted(i32),
    /// It is not a runner of this build.
    #[error("{}", stranger(.0))]
    Stranger(Stranger),
    /// Its answer is garbled.
    #[error("the runner process sent an answer that cannot be decoded")]
    Garbled,
    /// It died twice on the same request.
    #[error("the runner process died at seed {seed} of {scenario}: {why}{}", said(.words))]
    Died {
        /// The scenario.
        scenario: String,
        /// The seed.
        seed: u64,
        /// The state of the stream.
        why: String,
        /// Its last output on standard error.
        words: String,
    },
    /// It refused the request.
    #[error("{why}")]
    Refused {
        /// The reason.
        why: String,
        /// The next step.
        next: String,
    },
}

impl RunnerError {
    /// The next step for the user.
    pub(crate) fn next(&self) -> String {
        match self {
            Self::Start(_) => "check that the executable still exists".to_owned(),
            Self::Stranger(Stranger::Foreign) => {
                "check that the main function calls `afterlife::main`, and that nothing writes to standard input before it"
                    .to_owned()
            }
            Self::Stranger(Stranger::Version(_) | Stranger::Build) => {
                "run the command again, and build the program only when no campaign runs".to_owned()
            }
            Self::Garbled => {
                "check that the scenario's function writes to no descriptor that it has not opened itself".to_owned()
            }
            Self::Died { seed, .. } => {
                format!("run this seed alone: --seeds {seed}..{} --jobs 1", seed.saturating_add(1))
            }
            Self::Refused { next, .. } | Self::Memory { next, .. } => next.clone(),
            Self::Interrupted(_) => "run the command again".to_owned(),
        }
    }
}

impl From<RunnerError> for Refusal {
    fn from(error: RunnerError) -> Self {
        let verdict = match error {
            RunnerError::Interrupted(signal) => Verdict::Interrupted(signal),
            _ => Verdict::Refused,
        };
        Self::new(error.to_string(), error.next()).ending(verdict)
    }
}

fn stranger(stranger: &Stranger) -> String {
    let replaced = "its executable was replaced while this process ran";
    match stranger {
        Stranger::Foreign => "the process that was started is not a runner".to_owned(),
        Stranger::Version(theirs) => format!(
            "the runner process speaks version {theirs} of the protocol, and this process version {}: {replaced}",
            protocol::VERSION
        ),
        Stranger::Build => format!("the runner process is another build of this program: {replaced}"),
    }
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(", saying: {words}") }
}
