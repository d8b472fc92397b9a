//! The campaign's side of one runner process: start it, ask it, end it.
//! It does not decide what is run.

use super::canonical::Launch;
use super::serve::{Answer, SPIN_BOUND};
use super::{ending, frame};
use crate::model::refusal::Refusal;
use crate::run::request::{Ended, Reply, Request};
use crate::runner::symbolize;
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStderr};
use std::thread::JoinHandle;

/// Of what a runner says before it dies, so much is kept.
const LAST_WORDS_BYTES_MAX: usize = 2_048;

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
            Self::Start(_) => "see that the executable is still where it was when this process began".to_owned(),
            Self::Died { seed, .. } => {
                format!("run this seed alone: --seeds {seed}..{} --jobs 1", seed.saturating_add(1))
            }
            Self::Refused(_) => {
                "mend what it names; if it is mended, build again, so that the executable on disk is the one that runs"
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

/// A runner process that waits for requests. Dropping it ends the process.
pub(super) struct Runner {
    line: UnixStream,
    process: Child,
    words: Option<JoinHandle<String>>,
}

/// What came of asking a runner once.
pub(super) enum Asked {
    /// The run's reply, and the runner is as it was before.
    Replied(Reply),
    /// The run brought its process down: the reply says how. The runner is not used again, so that no trace of it
    /// reaches another run.
    Crashed(Reply),
    /// The runner itself is gone.
    Gone,
}

impl Runner {
    /// Starts one.
    pub(super) fn start(launch: &Launch) -> Result<Self, RunnerError> {
        let (mut process, line) = launch.start().map_err(RunnerError::Start)?;
        let words = process.stderr.take().map(|from| std::thread::spawn(move || last_words(from)));
        Ok(Self { line, process, words })
    }

    /// Has it carry out one request.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Asked, RunnerError> {
        match self.converse(request) {
            Ok(asked) => asked,
            // Whatever is wrong with the line, nothing more can be said on it.
            Err(_) => Ok(Asked::Gone),
        }
    }

    fn converse(&mut self, request: &Request) -> io::Result<Result<Asked, RunnerError>> {
        frame::send(&self.line, request)?;
        let mut replied = None;
        loop {
            match frame::receive(&self.line)? {
                None => return Ok(Ok(Asked::Gone)),
                Some(Answer::Refused(why)) => return Ok(Err(RunnerError::Refused(why))),
                Some(Answer::Reply(reply)) => replied = Some(symbolize::read(*reply)),
                Some(Answer::End(ended)) => {
                    return Ok(Ok(match (replied, ended) {
                        (Some(reply), _) if reply.ended == Ended::Whole => Asked::Replied(reply),
                        (Some(reply), _) => Asked::Crashed(ending::complete(reply, SPIN_BOUND)),
                        (None, ended) => Asked::Crashed(ending::reply(request, ended)),
                    }));
                }
            }
        }
    }

    /// Ends it, and tells what it said last on its standard error.
    pub(super) fn last_words(mut self) -> String {
        self.end();
        self.words.take().and_then(|words| words.join().ok()).unwrap_or_default()
    }

    fn end(&mut self) {
        // Its loop ends when the line does. It is killed as well, in case that it no longer comes to read the line;
        // either may fail because it is already gone.
        let _ = self.line.shutdown(Shutdown::Both);
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.end();
    }
}

fn last_words(mut from: ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut piece = [0; 512];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        kept.extend_from_slice(&piece[..length]);
        kept.drain(..kept.len().saturating_sub(LAST_WORDS_BYTES_MAX));
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}
