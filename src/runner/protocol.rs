//! The protocol between a campaign and its runner processes: frames whose payloads postcard encodes.
//!
//! ```text
//! runner                      campaign
//!    │ Hello ───────────────────▶ │  refuses a runner of another protocol or build
//!    │ ◀───────────────── Request │
//!    │ Piece … Piece ───────────▶ │  the child's answer, as it arrives; incomplete if the child died
//!    │ End ─────────────────────▶ │  the child's end
//! ```
//!
//! The runner alone writes to the stream. A child answers through a pipe, so that nothing that it prints, closes or leaves
//! incomplete reaches the stream (decision 0047).

use crate::run::request::{Reply, Request};
use afterlife_sim::isolate::Bounds;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// The bounds after which a run without an interposed call counts as one that never ends.
///
/// 5 s of processor time are what a run got within the 10 s of real time that this bound used to be, on a machine that gave it half
/// of a processor; no honest run was ever ended by that. The longest computation between two calls that programs are known for, a
/// password hash at its usual cost, takes below a second, and a few in a build without optimisation. Nothing waits for real in a run,
/// so 5 s of sleep are a deadlock; a process that is stopped, or waits for a disk or a processor, is not asleep.
pub(super) const BOUNDS: Bounds = Bounds { cpu: Duration::from_secs(5), asleep: Duration::from_secs(5) };

/// The time within which a runner says hello. Programs do little before their main function, but the machine may be busy.
pub(super) const HELLO_BOUND: Duration = Duration::from_secs(60);

/// The longest request. No plan comes near it.
pub(super) const REQUEST_BYTES_MAX: usize = 1 << 20;

/// The longest payload of a frame from a runner: a piece of an answer, or an end with its last words.
pub(super) const PIECE_BYTES_MAX: usize = 1 << 16;

/// The bytes that a campaign writes before it starts a runner. A process that inherited the mark of runners from its environment does
/// not find them on its standard input.
pub(super) const GREETING: [u8; 8] = *b"AFTERASK";

/// The first bytes of the first frame, and the version of everything that follows it.
const MAGIC: &[u8; 8] = b"AFTERRUN";
pub(super) const VERSION: u32 = 1;

/// An answer of a child.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The run's reply.
    Reply(Box<Reply>),
    /// There is no run.
    Refused {
        /// The reason.
        why: String,
        /// The next step for the user.
        next: String,
    },
}

/// A message that cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undecoded {
    /// It ends early: its sender died.
    Truncated,
    /// It has content that no sender of this build writes.
    Malformed,
}

/// The identity of a program's file. A rebuilt program has a different one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProgramFile {
    device: u64,
    inode: u64,
    bytes: u64,
    modified_s: i64,
    modified_ns: i64,
}

impl ProgramFile {
    /// The file of this process, even if another one has taken its path since.
    pub(super) fn of_this_process() -> io::Result<Self> {
        let file = fs::metadata("/proc/self/exe")?;
        Ok(Self {
            device: file.dev(),
            inode: file.ino(),
            bytes: file.len(),
            modified_s: file.mtime(),
            modified_ns: file.mtime_nsec(),
        })
    }
}

/// The payload of a runner's first frame.
pub(super) fn hello(file: &ProgramFile) -> Vec<u8> {
    let mut hello = MAGIC.to_vec();
    hello.extend(VERSION.to_le_bytes());
    hello.extend(encode(file));
    hello
}

/// A reason to refuse a runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// It is not a runner.
    Foreign,
    /// It is a runner of another version of the protocol.
    Version(u32),
    /// It is a runner of another build.
    Build,
}

/// Checks the payload of a runner's first frame.
pub(super) fn check_hello(hello: &[u8], file: &ProgramFile) -> Result<(), Stranger> {
    let rest = hello.strip_prefix(MAGIC).ok_or(Stranger::Foreign)?;
    let (version, rest) = rest.split_first_chunk().ok_or(Stranger::Foreign)?;
    match u32::from_le_bytes(*version) {
        VERSION => {}
        other => return Err(Stranger::Version(other)),
    }
    match decode::<ProgramFile>(rest) {
        Ok(theirs) if theirs == *file => Ok(()),
        Ok(_) => Err(Stranger::Build),
        Err(_) => Err(Stranger::Foreign),
    }
}

/// Encodes a request, an answer or an end. Last words are cut short long before an end fills its frame.
pub(super) fn encode(message: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(message).unwrap_or_else(|error| unreachable!("messages are plain data: {error}"))
}

/// Decodes a request, an answer or an end. All bytes must belong to it.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Undecoded> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        Ok(_) => Err(Undecoded::Malformed),
        Err(postcard::Error::DeserializeUnexpectedEnd) => Err(Undecoded::Truncated),
        Err(_) => Err(Undecoded::Malformed),
    }
}

/// The payload of a request frame; `None` if it is too long for a runner.
pub(super) fn request(request: &Request) -> Option<Vec<u8>> {
    Some(encode(request)).filter(|payload| payload.len() <= REQUEST_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::sample::use_after_teardown;
    use crate::failure::token::Token;
    use crate::fault::strategies::plan;
    use crate::model::build::Build;
    use crate::model::engine::Engine;
    use crate::run::request::Ended;
    use proptest::prelude::*;

    fn file() -> ProgramFile {
        ProgramFile::of_this_process().expect("this process has an executable")
    }

    fn recorded() -> Answer {
        let failure = use_after_teardown();
        let reply = Reply {
            violations: vec![failure.finding.violation],
            record: Some(failure.record),
            stack: Some("a stack".to_owned()),
            ..Reply::not_run(failure.finding.plan)
        };
        Answer::Reply(Box::new(reply))
    }

    #[test]
    fn an_answer_with_a_record_is_decoded_as_it_was_encoded() {
        assert_eq!(decode(&encode(&recorded())), Ok(recorded()));
        let refused = Answer::Refused { why: "no such scenario".to_owned(), next: "name another".to_owned() };
        assert_eq!(decode(&encode(&refused)), Ok(refused));
    }

    #[test]
    fn an_answer_that_ends_early_is_truncated_and_one_that_goes_on_is_malformed() {
        let whole = encode(&recorded());
        for end in 0..whole.len() {
            assert_eq!(decode::<Answer>(&whole[..end]), Err(Undecoded::Truncated), "{end} of {} bytes", whole.len());
        }
        assert_eq!(decode::<Answer>(&[whole, vec![0]].concat()), Err(Undecoded::Malformed));
        assert_eq!(decode::<Answer>(&[9]), Err(Undecoded::Malformed));
    }

    #[test]
    fn a_runner_is_accepted_only_if_it_is_this_build() {
        let hello = hello(&file());
        assert_eq!(check_hello(&hello, &file()), Ok(()));
        let rebuilt = ProgramFile { modified_ns: file().modified_ns ^ 1, ..file() };
        assert_eq!(check_hello(&hello, &rebuilt), Err(Stranger::Build));
        let mut other = hello.clone();
        other[MAGIC.len()] = 77;
        assert_eq!(check_hello(&other, &file()), Err(Stranger::Version(77)));
        assert_eq!(check_hello(&hello[..hello.len() - 1], &file()), Err(Stranger::Foreign));
        assert_eq!(check_hello(b"running 1 test", &file()), Err(Stranger::Foreign));
    }

    #[test]
    fn a_request_that_is_too_long_for_a_runner_is_not_sent() {
        let token =
            Token { scenario: "toy".into(), build: Build::DEFAULT, engine: Engine::Native, seed: 3, plan: None };
        assert!(request(&token.request(false)).is_some());
        let long = Token { scenario: "x".repeat(REQUEST_BYTES_MAX), ..token };
        assert_eq!(request(&long.request(false)), None);
    }

    #[test]
    fn an_end_with_the_longest_last_words_fits_into_a_frame() {
        // afterlife-sim cuts last words at 16 KiB; a replacement character takes three bytes.
        let words = |bytes: usize| "\u{fffd}".repeat(bytes);
        let ended = Ended::Unsupported { subject: words(0), message: words(16 << 10) };
        assert!(encode(&ended).len() <= PIECE_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn a_request_is_decoded_as_it_was_encoded(
            scenario in "[a-z-]{1,20}",
            label in "[a-z0-9._-]{1,32}",
            engine in proptest::sample::select(Engine::ALL.to_vec()),
            seed: u64,
            plan in proptest::option::of(plan()),
            record: bool,
            until_ns: Option<u64>,
        ) {
            let build: Build = label.parse().expect("it is a label");
            let token = Token { scenario, build, engine, seed, plan };
            let request = Request { until_ns, log: Some("info".to_owned()), ..token.request(record) };
            prop_assert_eq!(decode(&encode(&request)), Ok(request));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
            let _ = decode::<Answer>(&bytes);
            let _ = decode::<Request>(&bytes);
            let _ = check_hello(&bytes, &file());
        }
    }
}
