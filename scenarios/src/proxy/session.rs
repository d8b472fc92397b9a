//! A session on an accepted socket: the code that admin and the two extra servers share.
//! It does not check if `accept` succeeded; the caller should have.

use super::accept_loop::Accepted;
use super::build::Build;
use super::process::Process;
use crate::line_protocol::blocking::Lines;
use afterlife_probe as probe;
use std::io;

/// The thread object that a session belongs to. A child of an accept loop makes a fresh one, whose flag is never set.
#[derive(Debug, Default)]
pub(super) struct MySqlThread {
    shutdown: bool,
}

impl MySqlThread {
    /// `create_new_session_and_client_data_stream(fd)`. `None` if the socket is invalid and the thread is shutting down.
    ///
    /// # Panics
    /// If the socket is invalid: upstream asserts that `fcntl` returned its flags. The assertion on setting them went with #4375.
    pub(super) fn create_new_session_and_client_data_stream(&self, process: &Process, fd: Accepted) -> Option<Lines> {
        probe::always!(fd.is_ok(), "a socket handed to a session is valid");
        let prevflags = fcntl(&fd);
        if prevflags == -1 {
            process.info(format_args!("for FD {fd:?} fcntl() returned -1, previous flags {prevflags}"));
            if !self.shutdown {
                assert!(prevflags != -1, "prevflags != -1");
            }
        }
        let stream = fd.ok()?;
        // A session that answers in small pieces sends each at once.
        stream.set_nodelay(true).ok()?;
        process.debug("session", format_args!("new session"));
        Some(Lines::new(stream))
    }
}

/// `fcntl(fd, F_SETFL, …)`, which fails on an invalid socket. Upstream's sockets are non-blocking and polled; on these threads a
/// read blocks as long as a poll would.
fn fcntl(fd: &Accepted) -> i32 {
    match fd {
        Ok(stream) => stream.set_nonblocking(false).map_or(-1, |()| 0),
        Err(_) => -1,
    }
}

/// Returns `true` if an accept loop checks the result of `accept` before making a session of it. Upstream's SQLite3 server does;
/// admin and ClickHouse do not.
pub(super) fn is_checked(build: Build, by_upstream: bool) -> bool {
    by_upstream || build == Build::Sound
}

/// Returns `true` if a read failed only because its time was up.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
