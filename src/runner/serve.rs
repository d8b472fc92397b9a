//! The runner's side: receives a request, forks a child that carries it out, relays the child's answer, reports the child's end.
//! It keeps nothing between two requests, not even a changed heap: the thousandth child starts as the first did.

use super::frame::{FrameError, HEADER_BYTES, Kind};
use super::protocol::{self, Answer, BOUNDS, GREETING, PIECE_BYTES_MAX, ProgramFile, REQUEST_BYTES_MAX};
use super::{ending, frame};
use crate::model::env::RUNNER;
use crate::model::refusal::Refusal;
use crate::run::execute::{execute, warm_up};
use crate::run::request::Request;
use crate::scenario::definition::Scenario;
use afterlife_sim::isolate::{self, Relay};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

/// Serves until the other end is closed, and exits, if this process was started as a runner; returns if it was not.
pub(crate) fn serve_if_runner(scenarios: &[&Scenario]) {
    if std::env::var_os(RUNNER).is_none() {
        return;
    }
    // A process that inherits the variable is no runner: a campaign greets its runners on standard input.
    if !isolate::stdin_begins_with(GREETING) {
        let why = format!("{RUNNER} is set, and no campaign started this process");
        let refusal = Refusal::new(why, format!("unset {RUNNER}: it is for the processes that campaigns start"));
        eprintln!("{refusal}");
        std::process::exit(i32::from(refusal.verdict.code()));
    }
    let code = match serve(scenarios) {
        Ok(()) => 0,
        Err(why) => {
            eprintln!("{why}");
            1
        }
    };
    std::process::exit(code);
}

fn serve(scenarios: &[&Scenario]) -> Result<(), String> {
    if let Err(why) = isolate::fix_addresses() {
        eprintln!("afterlife: {why}");
    }
    warm_up();
    let stream = isolate::take_stdin().map_err(|error| error.to_string())?;
    let mut stream = UnixStream::from(stream);
    stream.read_exact(&mut [0; GREETING.len()]).map_err(|error| error.to_string())?;
    serve_on(&stream, scenarios).map_err(|error| error.to_string())
}

fn serve_on(stream: &UnixStream, scenarios: &[&Scenario]) -> Result<(), FrameError> {
    let mut request = vec![0; REQUEST_BYTES_MAX];
    let mut buffers = Buffers { piece: vec![0; PIECE_BYTES_MAX], frame: vec![0; HEADER_BYTES + PIECE_BYTES_MAX] };
    // Once before the first request: whatever forking and answering allocate only once is allocated then.
    buffers.run(None, io::sink(), Vec::new)?;
    let hello = protocol::hello(&ProgramFile::of_this_process()?);
    frame::send(&mut buffers.frame, stream, Kind::Hello, &hello)?;
    drop(hello);
    loop {
        let length = match frame::receive_header(stream, REQUEST_BYTES_MAX) {
            Ok((Kind::Request, length)) => length,
            Ok(_) => return Err(io::Error::from(io::ErrorKind::InvalidData).into()),
            Err(FrameError::Ended) => return Ok(()),
            Err(error) => return Err(error),
        };
        let request = &mut request[..length];
        frame::receive_payload(stream, request)?;
        buffers.run(Some(stream), stream, || protocol::encode(&answer(request, scenarios)))?;
    }
}

/// The memory that everything to a campaign passes through. A reply that the runner allocated would leave its mark on the heap that
/// the next child inherits.
struct Buffers {
    piece: Vec<u8>,
    frame: Vec<u8>,
}

impl Buffers {
    /// Carries work out in a child that cannot reach the stream. Its answer goes to `to`, then its end.
    fn run(
        &mut self,
        stream: Option<&UnixStream>,
        mut to: impl Write,
        work: impl FnOnce() -> Vec<u8> + Send,
    ) -> Result<(), FrameError> {
        let Self { piece, frame } = self;
        let mut take = |piece: &[u8]| frame::send(frame, &mut to, Kind::Piece, piece);
        let relay = Relay { buffer: piece, take: &mut take };
        let end = isolate::in_child(BOUNDS, stream.map(AsFd::as_fd), work, relay)?;
        let end = protocol::encode(&ending::ended(end));
        Ok(frame::send(frame, to, Kind::End, &end)?)
    }
}

fn answer(request: &[u8], scenarios: &[&Scenario]) -> Answer {
    let Ok(request) = protocol::decode::<Request>(request) else {
        return refused(Refusal::new("the request cannot be decoded", REBUILD));
    };
    match scenarios.iter().find(|scenario| scenario.name() == request.scenario) {
        Some(scenario) => match execute(scenario, &request) {
            Ok(reply) => Answer::Reply(Box::new(reply)),
            Err(refusal) => refused(refusal),
        },
        None => refused(Refusal::new(format!("no scenario `{}` in this runner", request.scenario), REBUILD)),
    }
}

/// The next step after a request of another build.
const REBUILD: &str = "run the command again, and build the program only when no campaign runs";

fn refused(Refusal { why, next, .. }: Refusal) -> Answer {
    Answer::Refused { why, next }
}
