//! The campaign's side of one runner process: start it, ask it, end it.
//! It does not decide what is run.

use super::canonical::Launch;
use super::error::RunnerError;
use super::protocol::{Answer, SPIN_BOUND};
use super::{ending, frame, symbolize};
use crate::run::request::{Ended, Reply, Request};
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStderr};
use std::thread::JoinHandle;

/// Of what a runner says before it dies, so much is kept.
const LAST_WORDS_BYTES_MAX: usize = 2_048;

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
