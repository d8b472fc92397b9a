//! A session on a socket that `accept` returned: what the worker threads, admin and the two extra servers share.
//! Nobody asks here whether `accept` succeeded. Whoever calls it was to have asked.

use super::accept_loop::Accepted;
use super::build::Build;
use super::glo::Glo;
use crate::line_protocol::blocking::Lines;
use afterlife_probe as probe;
use std::sync::Arc;

/// The thread object that a session belongs to. A child of an accept loop makes a fresh one, whose flag nobody ever sets.
#[derive(Debug, Default)]
pub(super) struct MySqlThread {
    pub(super) shutdown: bool,
}

impl MySqlThread {
    /// `create_new_session_and_client_data_stream(fd)`. `None` if the socket is none and the thread is in its shutdown.
    ///
    /// # Panics
    /// If the socket is none: upstream asserts that `fcntl` found its flags. The assertion on setting them went with #4375.
    pub(super) fn create_new_session_and_client_data_stream(&self, glo: &Arc<Glo>, fd: Accepted) -> Option<Lines> {
        probe::always!(fd.is_ok(), "a socket handed to a session is valid");
        let prevflags = fcntl(&fd);
        if prevflags == -1 {
            glo.info(format_args!("for FD {fd:?} fcntl() returned -1, previous flags {prevflags}"));
            if !self.shutdown {
                assert!(prevflags != -1, "prevflags != -1");
            }
        }
        let stream = fd.ok()?;
        // A session that answers in small pieces does not wait for more of them.
        stream.set_nodelay(true).ok()?;
        glo.debug("session", format_args!("new session"));
        Some(Lines::new(stream))
    }
}

/// `fcntl(fd, F_SETFL, …)`, which fails on what is no socket. Upstream's sockets are non-blocking and polled; on these threads a
/// read waits as long as a poll would.
fn fcntl(fd: &Accepted) -> i32 {
    match fd {
        Ok(stream) => stream.set_nonblocking(false).map_or(-1, |()| 0),
        Err(_) => -1,
    }
}

/// Whether the accept loop looks at what `accept` returned before it makes a session of it: upstream's SQLite3 server does,
/// admin and ClickHouse do not.
pub(super) fn is_checked(build: Build, by_upstream: bool) -> bool {
    by_upstream || build == Build::Sound
}
