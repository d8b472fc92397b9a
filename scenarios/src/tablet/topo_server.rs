//! The topology server, in etcd's place: paths with values and versions, locks that last as long as their holder's
//! connection, and watches. It knows no keyspace and no shard. An acknowledged change is on its disk.

use super::topo_rpc::{TopoReply, TopoRequest};
use crate::line_protocol::Lines;
use crate::rt::{net::TcpListener, select, sync::watch, task, time};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::future::Future;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One topology server's configuration.
#[derive(Clone, Debug)]
pub struct TopoServerConfig {
    /// The address on which it listens.
    pub listen: String,
    /// The directory of its data, created if it does not exist.
    pub data_dir: PathBuf,
    /// The initial paths and values.
    pub initial: Vec<(String, String)>,
}

impl TopoServerConfig {
    /// A server at etcd's port with this initial content.
    pub fn new(initial: Vec<(String, String)>) -> Self {
        Self { listen: "0.0.0.0:2379".to_owned(), data_dir: "/var/lib/topo".into(), initial }
    }
}

/// The time for which a lock outlives its holder's last message. A machine that loses power does not close its
/// connections.
const LEASE: Duration = Duration::from_secs(15);

struct Topology {
    path: PathBuf,
    values: Mutex<BTreeMap<String, (String, u64)>>,
    /// The number of changes so far.
    changed: watch::Sender<u64>,
    locks: Mutex<BTreeMap<String, u64>>,
}

/// Runs a topology server until `stop` is ready.
///
/// # Errors
/// Its data cannot be read or written, or its address cannot be bound.
pub async fn run_topo_server(config: TopoServerConfig, stop: impl Future<Output = ()>) -> io::Result<()> {
    let topology = Arc::new(Topology::open(&config)?);
    let listener = TcpListener::bind(&config.listen).await?;
    afterlife_probe::phase("ready");
    let mut serving = task::JoinSet::new();
    let mut number = 0;
    let mut stop = std::pin::pin!(stop);
    loop {
        let stream = select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted?.0,
            Some(_) = serving.join_next() => continue,
        };
        number += 1;
        let (topology, number) = (Arc::clone(&topology), number);
        serving.spawn(async move {
            // A broken connection is up to its client.
            let _ = topology.serve(Lines::new(stream), number).await;
            lock(&topology.locks).retain(|_, holder| *holder != number);
        });
    }
    serving.shutdown().await;
    Ok(())
}

impl Topology {
    fn open(config: &TopoServerConfig) -> io::Result<Self> {
        fs::create_dir_all(&config.data_dir)?;
        let path = config.data_dir.join("topology.json");
        let values = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(_) => config.initial.iter().map(|(path, value)| (path.clone(), (value.clone(), 1))).collect(),
        };
        Ok(Self { path, values: Mutex::new(values), changed: watch::Sender::new(0), locks: Mutex::default() })
    }

    async fn serve(&self, mut lines: Lines, connection: u64) -> io::Result<()> {
        let mut holds = false;
        loop {
            let lease = if holds { LEASE } else { Duration::MAX };
            let received = time::timeout(lease, lines.receive::<TopoRequest>()).await;
            let Some(ask) = received.map_err(io::Error::from)?? else { return Ok(()) };
            holds |= matches!(ask, TopoRequest::Lock { .. });
            let answer = match ask {
                TopoRequest::Get { path } => self.get(&path),
                TopoRequest::Set { path, value, version } => self.set(&path, value, version)?,
                TopoRequest::Lock { name } => self.lock(name, connection),
                TopoRequest::Watch { path } => return self.watch(lines, &path).await,
            };
            lines.send(&answer).await?;
        }
    }

    fn get(&self, path: &str) -> TopoReply {
        let (value, version) = lock(&self.values).get(path).cloned().unwrap_or_default();
        TopoReply::Value { value, version }
    }

    fn set(&self, path: &str, value: String, version: u64) -> io::Result<TopoReply> {
        let mut values = lock(&self.values);
        if values.get(path).map_or(0, |known| known.1) != version {
            return Ok(TopoReply::BadVersion);
        }
        let mut next = values.clone();
        next.insert(path.to_owned(), (value.clone(), version + 1));
        keep(&self.path, &serde_json::to_vec(&next)?)?;
        *values = next;
        drop(values);
        self.changed.send_modify(|count| *count += 1);
        Ok(TopoReply::Value { value, version: version + 1 })
    }

    fn lock(&self, name: String, connection: u64) -> TopoReply {
        let holder = *lock(&self.locks).entry(name).or_insert(connection);
        if holder == connection { TopoReply::Locked } else { TopoReply::Held }
    }

    /// Sends the value of a path whenever it changes, until the client has closed its side.
    async fn watch(&self, mut lines: Lines, path: &str) -> io::Result<()> {
        let mut changed = self.changed.subscribe();
        let mut sent = None;
        loop {
            changed.mark_unchanged();
            let answer = self.get(path);
            if let TopoReply::Value { version, .. } = answer
                && sent.replace(version) != Some(version)
            {
                lines.send(&answer).await?;
            }
            select! {
                _ = changed.changed() => {}
                request = lines.receive::<TopoRequest>() => match request? {
                    Some(_) => {}
                    None => return Ok(()),
                },
            }
        }
    }
}

/// Replaces a file atomically and durably.
fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
