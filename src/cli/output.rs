//! The standard output of a command. A command whose output cannot be written has failed, whatever it found.
//! A closed pipe is no failure: its reader has seen enough.

use crate::model::refusal::Refusal;
use crate::model::visible::visible;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

/// The reason why the standard output of this process could not be written, if it could not.
static FAILURE: OnceLock<String> = OnceLock::new();

/// A destination whose errors are remembered until the command ends, so that no report has to look for them.
#[derive(Debug)]
pub(super) struct Output<W> {
    to: W,
    failure: &'static OnceLock<String>,
}

/// The standard output, with the colours that the terminal has.
pub(super) fn output() -> Output<impl Write> {
    Output { to: anstream::stdout(), failure: &FAILURE }
}

/// Fails if something that was written to the standard output could not be.
pub(super) fn check_output() -> Result<(), Refusal> {
    // Writing to `Output` cannot fail.
    let _ = output().flush();
    match FAILURE.get() {
        None => Ok(()),
        Some(why) => Err(Refusal::new(
            format!("cannot write the output: {why}"),
            "free some space, or send the output elsewhere",
        )),
    }
}

/// Writes a line to standard error. There is nowhere to say that this cannot be done.
pub(super) fn complain(line: &str) {
    let _ = writeln!(anstream::stderr(), "{}", line.lines().map(visible).collect::<Vec<_>>().join("\n"));
}

impl<W: Write> Output<W> {
    /// The outcome of a write; after an error, that of the first: nothing more is written that a reader could miss.
    fn done<T>(&self, result: io::Result<T>, done: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) => {
                if error.kind() != ErrorKind::BrokenPipe {
                    // The first reason counts.
                    let _ = self.failure.set(error.to_string());
                }
                Ok(done)
            }
            done => done,
        }
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.to.write(bytes);
        self.done(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.to.flush();
        self.done(result, ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Refusing(ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_full_disk_is_remembered_and_a_closed_pipe_is_not() {
        static PIPE: OnceLock<String> = OnceLock::new();
        static DISK: OnceLock<String> = OnceLock::new();
        for (kind, failure) in [(ErrorKind::BrokenPipe, &PIPE), (ErrorKind::StorageFull, &DISK)] {
            let mut output = Output { to: Refusing(kind), failure };
            assert!(writeln!(output, "a line").and_then(|()| output.flush()).is_ok());
        }
        assert_eq!(PIPE.get(), None);
        assert_eq!(DISK.get().map(String::as_str), Some("no storage space"));
    }
}
