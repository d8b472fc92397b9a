//! The SQLite3 and the ClickHouse server: two more front ends, built after admin's pattern. #4542 ran with both.
//! They answer no statement.

use super::accept_loop::AcceptLoop;
use super::config::{ADMIN_POLL, ADMIN_REFRESH};
use super::process::Process;
use super::session::{MySqlThread, is_checked, is_timeout};
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

/// The two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Sqlite3,
    ClickHouse,
}

impl ExtraServer {
    /// Listens and starts to accept.
    pub(super) fn start(process: &Arc<Process>, which: Which) -> io::Result<Self> {
        let config = process.config();
        let address = match which {
            Which::Sqlite3 => &config.sqlite3_listen,
            Which::ClickHouse => &config.clickhouse_listen,
        };
        let listener = AcceptLoop::bind(address)?;
        let shutdown = Arc::new(AtomicBool::new(false));
        let (flag, checks) = (Arc::clone(&shutdown), is_checked(config.build, which == Which::Sqlite3));
        let process = Arc::clone(process);
        let main = threads::create(which.name(), move || main_loop(&process, listener, &flag, which, checks));
        Ok(Self { shutdown, main: Mutex::new(Some(main)) })
    }

    /// The destructor: joins the main loop, but not its children.
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

fn main_loop(process: &Arc<Process>, mut listener: AcceptLoop, shutdown: &AtomicBool, which: Which, checks: bool) {
    while !process.vars().shutdown() && !shutdown.load(Ordering::SeqCst) {
        if !listener.poll(ADMIN_POLL) {
            continue;
        }
        let client = listener.accept();
        if checks && client.is_err() {
            // The pending connection is reported again at once. Without a pause this would spin until a descriptor is free.
            thread::sleep(ADMIN_POLL);
            continue;
        }
        let stream = client.as_ref().ok().and_then(|stream| stream.try_clone().ok());
        let stream = stream.filter(|_| process.is_sound());
        let of_child = Arc::clone(process);
        process.detached().create(which.name(), stream, move || {
            let process = of_child;
            let thread = MySqlThread::default();
            let Some(mut session) = thread.create_new_session_and_client_data_stream(&process, client) else { return };
            let waits = session.stream().set_read_timeout(Some(ADMIN_REFRESH));
            while waits.is_ok() && !process.vars().shutdown() {
                match session.receive::<Statement>() {
                    Ok(Some(_)) if session.answer(Err("not supported".to_owned())).is_ok() => {}
                    Err(error) if is_timeout(&error) => {}
                    _ => break,
                }
            }
        });
    }
}
