//! The SQLite3 and the ClickHouse server: two more front ends, built after admin's pattern. #4542 ran with both.
//! They answer nothing of use.

use super::accept_loop::AcceptLoop;
use super::config::{ADMIN_POLL, ADMIN_REFRESH};
use super::glo::Glo;
use super::session::{MySqlThread, is_checked};
use super::threads;
use crate::line_protocol::Statement;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// One such server.
pub(super) struct ExtraServer {
    shutdown: Arc<AtomicBool>,
    main: Mutex<Option<JoinHandle<()>>>,
}

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Sqlite3,
    ClickHouse,
}

impl ExtraServer {
    /// Listens, and begins to accept.
    pub(super) fn start(glo: &Arc<Glo>, which: Which) -> io::Result<Self> {
        let address = match which {
            Which::Sqlite3 => &glo.config.sqlite3_listen,
            Which::ClickHouse => &glo.config.clickhouse_listen,
        };
        let listener = AcceptLoop::bind(address)?;
        let shutdown = Arc::new(AtomicBool::new(false));
        let (flag, checks) = (Arc::clone(&shutdown), is_checked(glo.config.build, which == Which::Sqlite3));
        let main = threads::create(glo, which.name(), move |glo| main_loop(glo, listener, &flag, which, checks));
        Ok(Self { shutdown, main: Mutex::new(Some(main)) })
    }

    /// The destructor: the main loop is joined, its children are not.
    pub(super) fn destroy(&self) {
        self.shutdown.store(true, Ordering::SeqCst);
        let main = self.main.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(main) = main {
            threads::join(main);
        }
    }
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite3 => "sqlite3-server",
            Self::ClickHouse => "clickhouse",
        }
    }
}

fn main_loop(glo: &Arc<Glo>, mut listener: AcceptLoop, shutdown: &AtomicBool, which: Which, checks: bool) {
    while !glo.vars.shutdown() && !shutdown.load(Ordering::SeqCst) {
        if !listener.poll(ADMIN_POLL) {
            continue;
        }
        let client = listener.accept();
        if checks && client.is_err() {
            // Whoever waits is told of again at once: without a pause this goes round until a descriptor is free.
            thread::sleep(ADMIN_POLL);
            continue;
        }
        let stream = client.as_ref().ok().and_then(|stream| stream.try_clone().ok());
        let stream = stream.filter(|_| glo.is_sound());
        threads::create_detached(glo, which.name(), stream, move |glo| {
            let thread = MySqlThread::default();
            let Some(mut session) = thread.create_new_session_and_client_data_stream(glo, client) else { return };
            let waits = session.stream().set_read_timeout(Some(ADMIN_REFRESH));
            while waits.is_ok() && !glo.vars.shutdown() {
                match session.receive::<Statement>() {
                    Ok(Some(_)) if session.answer(Err("not supported".to_owned())).is_ok() => {}
                    Err(error) if is_timeout(&error) => {}
                    _ => break,
                }
            }
        });
    }
}

/// Whether a read only came to the end of its time.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
