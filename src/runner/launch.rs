//! The start of a runner process: always with the same arguments and the same environment, so that its heap and
//! stack begin alike whoever starts it. It does not talk to the process.

use super::protocol::GREETING;
use crate::model::env::{RUNNER, SWITCH};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The variables that are passed on: the loader may need the first, and the second is not part of a run. All others are constant or
/// absent.
const PASSED_ON: [&str; 2] = ["LD_LIBRARY_PATH", SWITCH];

/// The variables that every runner has. Backtraces are off because capturing one allocates and takes time inside the run.
const CONSTANT: [(&str, &str); 5] =
    [(RUNNER, "1"), ("HOME", "/"), ("PATH", "/usr/bin:/bin"), ("RUST_BACKTRACE", "0"), ("TZ", "UTC")];

/// The executable and the arguments of a runner.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    program: PathBuf,
    arguments: Vec<String>,
    strict: bool,
}

impl Launch {
    /// This executable, whose main function is `afterlife::main`.
    pub(crate) fn of_this_program() -> io::Result<Self> {
        Ok(Self { program: std::env::current_exe()?, arguments: Vec::new(), strict: false })
    }

    /// This executable, which is a test runner, with the arguments that select one test.
    pub(crate) fn of_this_test(test_path: &str) -> io::Result<Self> {
        let arguments = [test_path, "--exact", "--nocapture", "--test-threads=1"].map(str::to_owned).to_vec();
        Ok(Self { program: std::env::current_exe()?, arguments, strict: false })
    }

    /// The same, with runs that end at a system call that bypasses the interposed functions.
    pub(crate) fn strict(self) -> Self {
        Self { strict: true, ..self }
    }

    /// Starts it. The stream is the other end of its standard input.
    pub(crate) fn start(&self) -> io::Result<(Child, UnixStream)> {
        let (mut ours, theirs) = UnixStream::pair()?;
        ours.write_all(&GREETING)?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().envs(CONSTANT);
        for name in PASSED_ON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if self.strict {
            command.env("AFTERLIFE_STRICT", "1");
        }
        // A terminal sends Ctrl-C to a process group. The campaign takes it, and ends its runners itself.
        command.process_group(0);
        // A test framework writes to standard output, so the stream is standard input.
        command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::null()).stderr(Stdio::piped());
        Ok((command.spawn()?, ours))
    }
}
