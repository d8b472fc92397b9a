//! The runner's side: read a request, fork a child that carries it out and answers, say how the child ended.
//! It keeps nothing between two requests, not even a changed heap: the thousandth child is born as the first was.

use super::protocol::{Answer, SPIN_BOUND};
use super::{ending, frame};
use crate::model::env::RUNNER;
use crate::run::execute::{execute, warm_up};
use crate::run::request::Request;
use crate::scenario::definition::Scenario;
use afterlife_sim::isolate;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

/// The longest request, and the longest answer of the runner's own. No plan comes near it.
const BUFFER_BYTES: usize = 4 << 20;

/// Whether this process was started to be a runner.
pub(crate) fn is_runner() -> bool {
    std::env::var_os(RUNNER).is_some()
}

/// Serves until the other end is closed.
pub(crate) fn serve(scenarios: &[&Scenario]) -> Result<(), String> {
    if let Err(why) = isolate::fix_addresses() {
        eprintln!("afterlife: {why}");
    }
    warm_up();
    let descriptor = io::stdin().as_fd().try_clone_to_owned().map_err(|error| error.to_string())?;
    serve_on(&UnixStream::from(descriptor), scenarios).map_err(|error| error.to_string())
}

fn serve_on(line: &UnixStream, scenarios: &[&Scenario]) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    // Once round before the first request: what forking and answering allocate only once, they have allocated then.
    let end = isolate::in_child(SPIN_BOUND, Vec::new)?;
    frame::send_through(&mut buffer, io::sink(), &Answer::End(ending::ended(end, SPIN_BOUND)))?;
    while let Some(length) = frame::next_length(line)? {
        let Some(body) = buffer.get_mut(..length) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a request of {length} bytes")));
        };
        (&mut &*line).read_exact(body)?;
        let end = isolate::in_child(SPIN_BOUND, || {
            // The child answers by itself: a reply that passed through the runner would leave its mark on the heap
            // into which the next child is born. Should it fail to, the runner's own answer tells that.
            let _ = frame::send(line, &answer(body, scenarios));
            Vec::new()
        })?;
        frame::send_through(&mut buffer, line, &Answer::End(ending::ended(end, SPIN_BOUND)))?;
    }
    Ok(())
}

fn answer(body: &[u8], scenarios: &[&Scenario]) -> Answer {
    let request: Request = match serde_json::from_slice(body) {
        Ok(request) => request,
        Err(error) => return Answer::Refused(error.to_string()),
    };
    match scenarios.iter().find(|scenario| scenario.name == request.scenario) {
        Some(scenario) => match execute(scenario, &request) {
            Ok(reply) => Answer::Reply(Box::new(reply)),
            Err(why) => Answer::Refused(why),
        },
        None => Answer::Refused(format!("no scenario `{}` in this runner", request.scenario)),
    }
}
