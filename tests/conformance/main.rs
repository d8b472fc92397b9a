//! Conformance: one program of small questions about sockets, files, threads, signals, clocks and names, asked on the real system (its
//! loopback interface and a temporary folder) and in the simulation. The answers are equal, or `differences` says why not.
//!
//! - `question`: a question, the processes that answer it, and the comparison
//! - `calls`: calls of the C library with short answers
//! - `differences`: the questions whose answers differ, each with its reason
//! - the other files: questions, by subject

mod calls;
mod clocks;
mod descriptors;
mod differences;
mod directories;
mod files;
#[path = "../harness/mod.rs"]
mod harness;
mod names;
mod pipes;
mod processes;
mod question;
mod readiness;
mod signals;
mod tcp;
mod tcp_ends;
mod tcp_options;
mod threads;
mod udp;
mod unix;

use question::Subject;
use std::process::ExitCode;

/// Every subject, with its questions.
const SUBJECTS: [Subject; 15] = [
    Subject { name: "tcp", questions: tcp::QUESTIONS },
    Subject { name: "tcp_ends", questions: tcp_ends::QUESTIONS },
    Subject { name: "tcp_options", questions: tcp_options::QUESTIONS },
    Subject { name: "udp", questions: udp::QUESTIONS },
    Subject { name: "unix", questions: unix::QUESTIONS },
    Subject { name: "pipes", questions: pipes::QUESTIONS },
    Subject { name: "readiness", questions: readiness::QUESTIONS },
    Subject { name: "descriptors", questions: descriptors::QUESTIONS },
    Subject { name: "files", questions: files::QUESTIONS },
    Subject { name: "directories", questions: directories::QUESTIONS },
    Subject { name: "signals", questions: signals::QUESTIONS },
    Subject { name: "threads", questions: threads::QUESTIONS },
    Subject { name: "clocks", questions: clocks::QUESTIONS },
    Subject { name: "names", questions: names::QUESTIONS },
    Subject { name: "processes", questions: processes::QUESTIONS },
];

fn main() -> ExitCode {
    question::main(&SUBJECTS)
}
