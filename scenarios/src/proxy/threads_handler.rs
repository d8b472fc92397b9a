//! The threads handler, `GloMTH`: the worker threads that serve client sessions.
//! Each worker is a thread with its own loop, like upstream's with its `poll`; they share the listener.

use super::config::{POLL_TIMEOUT, ProxyConfig};
use super::hostgroups::HostgroupsManager;
use super::pointer::Global;
use super::process::Process;
use super::threads;
use crate::line_protocol::{Lines, Packet, Statement};
use crate::rt::net::{TcpListener, TcpStream};
use crate::rt::sync::Notify;
use crate::rt::{select, spawn, time};
use std::io;
use std::net::TcpListener as StdListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;

/// `mysql-connect_timeout_server`.
const CONNECT_TIMEOUT_SERVER: Duration = Duration::from_secs(1);
/// The pause before a worker that is out of descriptors accepts again. Only the sound build pauses.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// The workers.
pub(super) struct ThreadsHandler {
    process: Arc<Process>,
    my_hgm: Global<HostgroupsManager>,
    workers: Mutex<Vec<Started>>,
    begun: Instant,
    queries: AtomicU64,
    /// `__global_MySQL_Thread_Variables_version`.
    version: AtomicU64,
}

/// A worker, and its thread until it is joined.
type Started = (Arc<Worker>, Option<JoinHandle<()>>);

struct Worker {
    shutdown: AtomicBool,
    /// Upstream's pipe to the worker.
    wake: Notify,
    /// The start of its current round, in milliseconds since the workers began.
    curtime_ms: AtomicU64,
}

impl ThreadsHandler {
    pub(super) fn new(process: Arc<Process>, my_hgm: Global<HostgroupsManager>) -> Self {
        Self {
            process,
            my_hgm,
            workers: Mutex::default(),
            begun: Instant::now(),
            queries: AtomicU64::new(0),
            version: AtomicU64::new(1),
        }
    }

    /// Starts the workers on this listener.
    pub(super) fn start(self: &Arc<Self>, listener: &StdListener) -> io::Result<()> {
        for index in 0..self.process.config().workers {
            let listener = listener.try_clone()?;
            let worker = Arc::new(Worker {
                shutdown: AtomicBool::new(false),
                wake: Notify::new(),
                curtime_ms: AtomicU64::new(0),
            });
            let (handler, mine) = (Arc::clone(self), Arc::clone(&worker));
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let thread = threads::create(&format!("worker-{index}"), move || {
                runtime.block_on(handler.run(&mine, listener));
                // Sessions end with their worker.
            });
            self.workers().push((worker, Some(thread)));
        }
        Ok(())
    }

    async fn run(self: &Arc<Self>, worker: &Worker, listener: StdListener) {
        let listener = TcpListener::from_std(listener).expect("a worker polls its listener");
        while !worker.shutdown.load(Ordering::SeqCst) {
            worker.curtime_ms.store(self.now_ms(), Ordering::Relaxed);
            select! {
                () = worker.wake.notified() => {}
                () = time::sleep(POLL_TIMEOUT) => {}
                accepted = listener.accept() => match accepted {
                    Ok((client, _)) => {
                        let handler = Arc::clone(self);
                        spawn(async move { handler.session(client).await });
                    }
                    // "Because multiple threads try to handle the same incoming connection, this is OK."
                    Err(_) if !self.process.is_sound() => {}
                    Err(_) => time::sleep(ACCEPT_AGAIN).await,
                }
            }
        }
    }

    /// Serves a client's session: forwards each statement to a server of its hostgroup.
    async fn session(&self, client: TcpStream) {
        self.process.debug("mysql_connection", format_args!("client connected"));
        let mut client = Lines::new(client);
        let mut server: Option<(String, Lines)> = None;
        while let Ok(Some(statement)) = client.receive::<Statement>().await {
            self.queries.fetch_add(1, Ordering::Relaxed);
            let route = self.my_hgm.get(format_args!("session")).route(&statement.text);
            let forwarded = match route {
                Some(address) => forward(&statement, &mut client, &mut server, address).await,
                None => Err("Max connect timeout reached while reaching hostgroup".to_owned()),
            };
            if let Err(why) = forwarded {
                server = None;
                if client.send(&Packet::Failed(why)).await.is_err() {
                    return;
                }
            }
        }
    }

    /// `shutdown_threads`: sets each worker's flag, wakes it and joins it.
    pub(super) fn shutdown_threads(&self) {
        let mut threads = Vec::new();
        for (worker, thread) in self.workers().iter_mut() {
            worker.shutdown.store(true, Ordering::SeqCst);
            worker.wake.notify_one();
            threads.extend(thread.take());
        }
        for thread in threads {
            threads::join(thread);
        }
    }

    /// `commit`: takes new variables into use.
    pub(super) fn commit(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// The version of the variables in use.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// `SQL3_GlobalStatus`.
    pub(super) fn global_status(&self) -> Vec<(String, u64)> {
        vec![
            ("Questions".to_owned(), self.queries.load(Ordering::Relaxed)),
            ("MySQL_Thread_Workers".to_owned(), self.workers().len() as u64),
            ("ProxySQL_Uptime".to_owned(), self.begun.elapsed().as_secs()),
        ]
    }

    /// Returns the number of workers that have not begun a round for this long.
    pub(super) fn missing_heartbeat(&self, longer: Duration) -> usize {
        let now_ms = self.now_ms();
        let late = |worker: &Worker| {
            u128::from(now_ms.saturating_sub(worker.curtime_ms.load(Ordering::Relaxed))) > longer.as_millis()
        };
        self.workers().iter().filter(|(worker, _)| late(worker)).count()
    }

    /// Opens the listener that all workers share.
    pub(super) fn listen(config: &ProxyConfig) -> io::Result<StdListener> {
        let listener = StdListener::bind(&config.listen)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn workers(&self) -> MutexGuard<'_, Vec<Started>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forwards a statement to a server and its answer back to the client.
async fn forward(
    statement: &Statement,
    client: &mut Lines,
    server: &mut Option<(String, Lines)>,
    address: String,
) -> Result<(), String> {
    if server.as_ref().is_none_or(|(current, _)| *current != address) {
        let connected = time::timeout(CONNECT_TIMEOUT_SERVER, Lines::connect(&address)).await;
        let lines = connected.map_err(|late| late.to_string())?.map_err(|error| format!("{address}: {error}"))?;
        *server = Some((address, lines));
    }
    let Some((address, lines)) = server else { return Ok(()) };
    lines.send(statement).await.map_err(|error| format!("{address}: {error}"))?;
    loop {
        let packet = lines.receive::<Packet>().await.map_err(|error| format!("{address}: {error}"))?;
        let Some(packet) = packet else { return Err(format!("{address}: server has gone away")) };
        let is_last = matches!(packet, Packet::End | Packet::Failed(_));
        // A client that is gone is noticed at the next receive.
        let _ = client.send(&packet).await;
        if is_last {
            return Ok(());
        }
    }
}
