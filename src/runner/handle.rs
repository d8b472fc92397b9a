//! The campaign's side of one runner process: starts it, asks it for runs, ends it.
//! It does not decide what is run.

use super::ending::End;
use super::error::RunnerError;
use super::frame::{FrameError, HEADER_BYTES, Kind};
use super::launch::Launch;
use super::protocol::{
    self, Answer, HELLO_BOUND, PIECE_BYTES_MAX, ProgramFile, REQUEST_BYTES_MAX, Stranger, Undecoded,
};
use super::{ending, frame, symbolize};
use crate::invariant::Terms;
use crate::run::request::{Ended, Reply, Request};
use afterlife_sim::isolate;
use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStderr};
use std::thread::JoinHandle;
use std::time::Duration;

/// The number of bytes of a runner's last output that are kept.
const LAST_WORDS_BYTES_MAX: usize = 2_048;

/// The time within which an interrupted campaign stops waiting for a run.
const INTERRUPT_BOUND: Duration = Duration::from_millis(200);

/// The stream of a runner. Reading from it waits as long as a run takes, and fails if this process is asked to end meanwhile.
struct Interruptible<'a>(&'a UnixStream);

impl Read for Interruptible<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock && isolate::interrupt().is_none() => {}
                read => return read,
            }
        }
    }
}

/// A runner process that waits for requests. Dropping it ends the process.
pub(super) struct Runner {
    stream: UnixStream,
    process: Child,
    words: Option<JoinHandle<String>>,
    greeted: bool,
}

/// The outcome of asking a runner once.
pub(super) enum Asked {
    /// The run's reply. The runner is as it was before.
    Replied(Reply),
    /// The run crashed its process, and the reply says how. The runner is not used again, so that no trace of the crash
    /// reaches another run.
    Crashed(Reply),
    /// The runner itself is gone, for this reason.
    Gone(String),
}

impl Asked {
    /// Drops the violations that do not count by the terms of the run.
    fn keep(&mut self, terms: &Terms) {
        if let Self::Replied(reply) | Self::Crashed(reply) = self {
            reply.violations.retain(|violation| terms.counts(violation));
        }
    }
}

/// The reason why a conversation ended without a reply.
enum Broken {
    Stream(FrameError),
    Refused(RunnerError),
}

impl From<FrameError> for Broken {
    fn from(error: FrameError) -> Self {
        Self::Stream(error)
    }
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Stream(error.into())
    }
}

/// Refuses to start runs if the limits of this process leave them too little memory.
pub(super) fn check_memory() -> Result<(), RunnerError> {
    isolate::check_address_space().map_err(|(why, next)| RunnerError::Memory { why, next })
}

impl Runner {
    /// Starts one.
    pub(super) fn start(launch: &Launch) -> Result<Self, RunnerError> {
        check_memory()?;
        let (mut process, stream) = launch.start().map_err(RunnerError::Start)?;
        let words = process.stderr.take().map(|from| std::thread::spawn(move || last_words(from)));
        Ok(Self { stream, process, words, greeted: false })
    }

    /// Asks it to carry out one request.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Asked, RunnerError> {
        match self.converse(request) {
            Ok(asked) => Ok(asked),
            Err(Broken::Refused(error)) => Err(error),
            // A broken stream takes no further requests.
            Err(Broken::Stream(error)) => match isolate::interrupt() {
                Some(signal) => Err(RunnerError::Interrupted(signal)),
                None => Ok(Asked::Gone(error.to_string())),
            },
        }
    }

    fn converse(&mut self, request: &Request) -> Result<Asked, Broken> {
        let (mut asked, terms) = match self.exchange(request)? {
            (Some(Answer::Refused { why, next }), _) => {
                return Err(Broken::Refused(RunnerError::Refused { why, next }));
            }
            // The child's end counts only if its reply is missing: after a reply, the child is dismantled.
            (Some(Answer::Reply(reply)), _) => {
                let terms = reply.unread.terms.clone();
                match symbolize::read(*reply) {
                    reply if reply.ended == Ended::Whole => (Asked::Replied(reply), terms),
                    reply => (Asked::Crashed(ending::complete(reply)), terms),
                }
            }
            (None, end) => (Asked::Crashed(ending::reply(request, end)), self.terms(request)?),
        };
        asked.keep(&terms);
        Ok(asked)
    }

    /// The terms of a run whose process died before it could reply: the scenario is described once more, and nothing runs.
    fn terms(&mut self, request: &Request) -> Result<Terms, Broken> {
        let request = Request { only_plan: true, ..request.clone() };
        Ok(match self.exchange(&request)? {
            (Some(Answer::Reply(reply)), _) => reply.unread.terms,
            _ => Terms::default(),
        })
    }

    fn exchange(&mut self, request: &Request) -> Result<(Option<Answer>, End), Broken> {
        let Some(payload) = protocol::request(request) else {
            let why = format!("its plan is longer than {REQUEST_BYTES_MAX} bytes");
            let next = "shorten the plan".to_owned();
            return Err(Broken::Refused(RunnerError::Refused { why, next }));
        };
        if !self.greeted {
            greet(&self.stream)?;
            self.stream.set_read_timeout(Some(INTERRUPT_BOUND))?;
            self.greeted = true;
        }
        let mut buffer = vec![0; HEADER_BYTES + payload.len()];
        frame::send(&mut buffer, &self.stream, Kind::Request, &payload)?;
        receive_answer(Interruptible(&self.stream))
    }

    /// Ends it, and returns its last output on standard error.
    pub(super) fn last_words(mut self) -> String {
        self.end();
        self.words.take().and_then(|words| words.join().ok()).unwrap_or_default()
    }

    fn end(&mut self) {
        // Its loop ends when the stream does. It is killed as well, in case it no longer reads the stream. Either call
        // fails if it is already gone.
        let _ = self.stream.shutdown(Shutdown::Both);
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.end();
    }
}

/// Receives the first frame of a runner, which must be one of this build.
fn greet(stream: &UnixStream) -> Result<(), Broken> {
    stream.set_read_timeout(Some(HELLO_BOUND))?;
    let refused = |stranger| Err(Broken::Refused(RunnerError::Stranger(stranger)));
    let length = match frame::receive_header(stream, PIECE_BYTES_MAX) {
        Ok((Kind::Hello, length)) => length,
        Ok(_) | Err(FrameError::Foreign(_) | FrameError::TooLong(_)) => return refused(Stranger::Foreign),
        Err(error) => return Err(error.into()),
    };
    let mut hello = vec![0; length];
    frame::receive_payload(stream, &mut hello)?;
    stream.set_read_timeout(None)?;
    let file = ProgramFile::of_this_process()?;
    protocol::check_hello(&hello, &file).or_else(refused)
}

/// Receives the answer of one child, if it is whole, and the child's end.
fn receive_answer(mut stream: impl Read) -> Result<(Option<Answer>, End), Broken> {
    let mut answer = Vec::new();
    loop {
        let (kind, length) = frame::receive_header(&mut stream, PIECE_BYTES_MAX)?;
        let received = answer.len();
        answer.resize(received + length, 0);
        frame::receive_payload(&mut stream, &mut answer[received..])?;
        match kind {
            Kind::Piece => {}
            Kind::End => {
                let end = answer.split_off(received);
                return match (protocol::decode(&answer), protocol::decode(&end)) {
                    (Ok(answer), Ok(end)) => Ok((Some(answer), end)),
                    (Err(Undecoded::Truncated), Ok(end)) => Ok((None, end)),
                    _ => Err(Broken::Refused(RunnerError::Garbled)),
                };
            }
            Kind::Hello | Kind::Request => return Err(Broken::Refused(RunnerError::Garbled)),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::token::Token;
    use crate::model::build::Build;
    use crate::model::engine::Engine;
    use crate::runner::fake::held;

    fn request() -> Request {
        let scenario = "toy".to_owned();
        Token { scenario, build: Build::DEFAULT, engine: Engine::Native, seed: 3, plan: None }.request(false)
    }

    fn killed() -> End {
        End { ended: Ended::Signal { signal: 9, node: Some("master-1".to_owned()) }, stack: None }
    }

    /// The stream of a child that answers in pieces of eleven bytes, and dies after `answered` bytes.
    fn stream(answered: usize) -> Vec<u8> {
        let answer = protocol::encode(&Answer::Reply(Box::new(held(&request()))));
        let mut stream = Vec::new();
        let mut buffer = [0; 200];
        for piece in answer[..answered.min(answer.len())].chunks(11) {
            frame::send(&mut buffer, &mut stream, Kind::Piece, piece).expect("a vector takes every byte");
        }
        frame::send(&mut buffer, &mut stream, Kind::End, &protocol::encode(&killed()))
            .expect("a vector takes every byte");
        stream
    }

    #[test]
    fn an_answer_in_pieces_is_one_answer() {
        let Ok((Some(Answer::Reply(reply)), _)) = receive_answer(stream(usize::MAX).as_slice()) else {
            panic!("the answer is whole")
        };
        assert_eq!(*reply, held(&request()));
    }

    #[test]
    fn a_child_that_dies_while_it_answers_is_reported_by_its_end() {
        let bytes = protocol::encode(&Answer::Reply(Box::new(held(&request())))).len();
        for answered in 0..bytes {
            let Ok((None, end)) = receive_answer(stream(answered).as_slice()) else { panic!("{answered} bytes") };
            assert_eq!(end, killed());
        }
    }

    #[test]
    fn a_runner_that_dies_leaves_a_broken_stream() {
        let whole = stream(usize::MAX);
        for end in 0..whole.len() {
            assert!(matches!(receive_answer(&whole[..end]), Err(Broken::Stream(_))), "{end} bytes");
        }
    }

    #[test]
    fn a_program_that_is_not_a_runner_is_refused() {
        let (ours, mut theirs) = UnixStream::pair().expect("there are descriptors");
        std::io::Write::write_all(&mut theirs, b"running 1 test").expect("the socket buffer takes it");
        let refused = greet(&ours);
        assert!(matches!(refused, Err(Broken::Refused(RunnerError::Stranger(Stranger::Foreign)))));
    }

    #[test]
    fn a_runner_of_another_build_is_refused_with_a_next_step() {
        let said = |stranger| {
            let error = RunnerError::Stranger(stranger);
            format!("{error}\n  next: {}", error.next())
        };
        insta::assert_snapshot!(said(Stranger::Build), @r"
        the runner process is another build of this program: its executable was replaced while this process ran
          next: run the command again, and build the program only when no campaign runs
        ");
        insta::assert_snapshot!(said(Stranger::Version(7)), @r"
        the runner process speaks version 7 of the protocol, and this process version 1: its executable was replaced while this process ran
          next: run the command again, and build the program only when no campaign runs
        ");
        insta::assert_snapshot!(said(Stranger::Foreign), @r"
        the process that was started is not a runner
          next: check that the main function calls `afterlife::main`, and that nothing writes to standard input before it
        ");
    }
}
