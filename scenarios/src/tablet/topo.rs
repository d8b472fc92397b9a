//! The topology as a tablet sees it, upstream's `topo.Server` over `etcd2topo`: records, locks, watches, and its close.
//! The server itself is in `topo_server.rs`.

use super::build::Build;
use super::config::{REMOTE_OPERATION_TIMEOUT, WATCH_CAPACITY};
use super::context::Context;
use super::goroutine::go;
use super::topo_server::{Answer, Ask};
use crate::line_protocol::Lines;
use crate::rt::{select, sync::mpsc, task, time};
use afterlife_probe::{Channel, Resource};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};

/// What a watch waits before it connects again.
const REWATCH_DELAY: Duration = Duration::from_millis(500);
/// How often the holder of a lock says that it is there.
const KEEPALIVE: Duration = Duration::from_secs(3);
/// How long a close waits for the streams of watches to end.
const STREAMS_END_WITHIN: Duration = Duration::from_secs(2);

/// Why the topology gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum TopoError {
    /// This client of it was closed. Upstream's is nil from then on.
    #[error("the topology server's client is closed")]
    Closed,
    /// It took too long.
    #[error("the topology server did not answer in time")]
    Timeout,
    /// Somebody else changed the record, or holds the lock.
    #[error("another one was faster")]
    Conflict,
    /// There is no such record.
    #[error("node doesn't exist: {0}")]
    NoNode(String),
    /// The connection failed.
    #[error("the topology server: {0}")]
    Io(#[from] io::Error),
    /// The record is none of its kind.
    #[error("a record of the topology: {0}")]
    Record(#[from] serde_json::Error),
}

/// What a tablet is to its shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TabletType {
    /// It takes writes, and others follow it.
    Primary,
    /// It follows the primary.
    Replica,
}

/// A tablet's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tablet {
    /// Its name.
    pub alias: String,
    /// Its keyspace.
    pub keyspace: String,
    /// Its shard.
    pub shard: String,
    /// Where its tablet manager listens.
    pub address: String,
    /// What it is to its shard.
    pub kind: TabletType,
    /// Since when it has been primary, in nanoseconds since the epoch; 0 if it is not.
    pub primary_term_start: u64,
}

/// A shard's record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// The primary's name.
    pub primary: String,
    /// Since when it has been primary.
    pub primary_term_start: u64,
}

/// The path of a tablet's record.
pub fn tablet_path(alias: &str) -> String {
    format!("tablets/{alias}")
}

/// What a topology begins with: the record of each shard, given its keyspace, its name, and the tablet that is its primary.
pub fn shard_records(shards: &[(&str, &str, &str)]) -> Vec<(String, String)> {
    let record = |(keyspace, shard, primary): &(&str, &str, &str)| {
        let record = Shard { primary: (*primary).to_owned(), primary_term_start: 1 };
        (shard_path(keyspace, shard), serde_json::to_string(&record).expect("plain data has a JSON text"))
    };
    shards.iter().map(record).collect()
}

/// The path of a shard's record.
pub fn shard_path(keyspace: &str, shard: &str) -> String {
    format!("keyspaces/{keyspace}/shards/{shard}")
}

/// An event of a watch: the new value, or the error that ends it.
pub(super) type WatchEvent = Result<String, TopoError>;

/// A watch: its events, the context whose cancel ends it, and its goroutine, where its end is waited for.
pub(super) struct Watch {
    pub(super) events: mpsc::Receiver<WatchEvent>,
    pub(super) cancel: Context,
    pub(super) ended: Option<task::JoinHandle<()>>,
}

/// A lock of the topology, held until it is dropped.
#[must_use = "dropping it gives the lock back"]
pub(super) struct NameLock {
    keeping: task::JoinHandle<()>,
}

impl Drop for NameLock {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

/// The client of one process.
#[derive(Debug)]
pub struct TopoServer {
    address: String,
    build: Build,
    /// Upstream's channel `running`: closed when this is.
    running: Context,
    resource: Resource,
    streams: Arc<Streams>,
}

/// The watches' streams that have not ended.
#[derive(Debug, Default)]
struct Streams {
    count: Mutex<usize>,
    ended: Condvar,
}

/// One of them.
struct Stream(Arc<Streams>);

impl Stream {
    fn of(streams: &Arc<Streams>) -> Self {
        *streams.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(Arc::clone(streams))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.ended.notify_all();
    }
}

impl TopoServer {
    /// A client of the server at this address.
    pub fn open(address: &str, build: Build) -> Arc<Self> {
        let resource = Resource::open("topo server");
        let (running, streams) = (Context::background(), Arc::default());
        Arc::new(Self { address: address.to_owned(), build, running, resource, streams })
    }

    /// `ts.Close()`: closes `running`, then the client, which waits until the streams of its watches have ended.
    pub(super) fn close(&self) {
        self.cancel();
        let count = self.streams.count.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.streams.ended.wait_timeout_while(count, STREAMS_END_WITHIN, |count| *count > 0);
    }

    /// Closes `running`.
    fn cancel(&self) {
        self.resource.close();
        self.running.cancel();
    }

    /// A record, with its version.
    ///
    /// # Errors
    /// There is none, or the server cannot be asked.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<(T, u64), TopoError> {
        match self.ask(&Ask::Get { path: path.to_owned() }).await? {
            Answer::Value { version: 0, .. } => Err(TopoError::NoNode(path.to_owned())),
            Answer::Value { value, version } => Ok((serde_json::from_str(&value)?, version)),
            _ => Err(TopoError::Conflict),
        }
    }

    /// Sets a record, if it is at this version; 0 makes it.
    ///
    /// # Errors
    /// It is at another, or the server cannot be asked.
    pub async fn set<T: Serialize + Sync>(&self, path: &str, record: &T, version: u64) -> Result<(), TopoError> {
        let ask = Ask::Set { path: path.to_owned(), value: serde_json::to_string(record)?, version };
        match self.ask(&ask).await? {
            Answer::Value { .. } => Ok(()),
            _ => Err(TopoError::Conflict),
        }
    }

    /// Reads a record, changes it, and sets it, again and again until nobody was faster: upstream's `UpdateShardFields` and
    /// `UpdateTabletFields`. `None` from `change` leaves it as it is.
    ///
    /// # Errors
    /// There is none, or the server cannot be asked.
    pub(super) async fn update<T: DeserializeOwned + Serialize + Sync>(
        &self,
        path: &str,
        mut change: impl FnMut(T) -> Option<T> + Send,
    ) -> Result<(), TopoError> {
        loop {
            let (record, version) = self.get(path).await?;
            let Some(changed) = change(record) else { return Ok(()) };
            match self.set(path, &changed, version).await {
                Err(TopoError::Conflict) => {}
                done => return done,
            }
        }
    }

    /// Takes the lock of a name.
    ///
    /// # Errors
    /// Another has it, or the server cannot be asked.
    pub(super) async fn lock_name(&self, name: &str) -> Result<NameLock, TopoError> {
        let locking = async {
            let mut connection = Lines::connect(&self.address).await?;
            connection.send(&Ask::Lock { name: name.to_owned() }).await?;
            match connection.receive().await? {
                Some(Answer::Locked) => Ok(NameLock { keeping: task::spawn(keep_lease(connection, name.to_owned())) }),
                _ => Err(TopoError::Conflict),
            }
        };
        self.bounded(locking).await
    }

    /// Watches a path: upstream's `Watch` of etcd2topo, with the goroutine that hands events on.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub(super) async fn watch(&self, path: &str) -> Result<Watch, TopoError> {
        let connection = self.bounded(self.connect_watch(path)).await?;
        let (events, reader) = mpsc::channel(WATCH_CAPACITY);
        let cancel = Context::background();
        let watching = Watching {
            address: self.address.clone(),
            path: path.to_owned(),
            build: self.build,
            running: self.running.clone(),
            cancel: cancel.clone(),
            events,
        };
        let ended = go(watching.run(connection, Stream::of(&self.streams)));
        Ok(Watch { events: reader, cancel, ended: (self.build == Build::Sound).then_some(ended) })
    }

    async fn connect_watch(&self, path: &str) -> Result<Lines, TopoError> {
        let mut connection = Lines::connect(&self.address).await?;
        connection.send(&Ask::Watch { path: path.to_owned() }).await?;
        Ok(connection)
    }

    async fn ask(&self, ask: &Ask) -> Result<Answer, TopoError> {
        let asking = async {
            let mut connection = Lines::connect(&self.address).await?;
            connection.send(ask).await?;
            connection.receive().await?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof).into())
        };
        self.bounded(asking).await
    }

    /// Waits for what is asked of the server, for as long as one may; nothing is asked of a closed client.
    async fn bounded<T>(&self, asking: impl Future<Output = Result<T, TopoError>>) -> Result<T, TopoError> {
        self.resource.used();
        select! {
            biased;
            () = self.running.done() => Err(TopoError::Closed),
            answer = time::timeout(REMOTE_OPERATION_TIMEOUT, asking) => answer.unwrap_or(Err(TopoError::Timeout)),
        }
    }
}

/// Keeps a lock's lease for as long as it is polled.
async fn keep_lease(mut connection: Lines, name: String) {
    loop {
        time::sleep(KEEPALIVE).await;
        let kept = connection.send(&Ask::Lock { name: name.clone() }).await;
        if kept.is_err() || !matches!(connection.receive().await, Ok(Some(Answer::Locked))) {
            return;
        }
    }
}

/// The goroutine of a watch.
struct Watching {
    address: String,
    path: String,
    build: Build,
    running: Context,
    cancel: Context,
    events: mpsc::Sender<WatchEvent>,
}

impl Watching {
    /// Hands events on until the watch is cancelled or its server's client closed. In etcd2topo the last of these returns as
    /// it is: the channel closes, and its reader was told nothing.
    async fn run(self, mut connection: Lines, stream: Stream) {
        let channel = Channel::open("shard watch");
        loop {
            select! {
                () = self.running.done() => {
                    if self.build == Build::Sound {
                        self.tell_the_end(&channel, TopoError::Closed).await;
                    }
                    break;
                }
                () = self.cancel.done() => {
                    self.tell_the_end(&channel, TopoError::Timeout).await;
                    break;
                }
                received = connection.receive::<Answer>() => match received {
                    Ok(Some(Answer::Value { value, .. })) => {
                        // Who reads no more has cancelled.
                        let _ = self.events.send(Ok(value)).await;
                    }
                    _ => self.watch_again(&mut connection).await,
                },
            }
        }
        channel.close();
        drop(self.events);
        if self.build != Build::Sound {
            // The stream ends when the server has seen its end, and the client's close waits for that.
            let _ = connection.finish().await;
        }
        drop(connection);
        drop(stream);
    }

    async fn tell_the_end(&self, channel: &Channel, error: TopoError) {
        let _ = self.events.send(Err(error)).await;
        channel.told();
    }

    /// etcd's client connects again by itself.
    async fn watch_again(&self, connection: &mut Lines) {
        let connecting = async {
            time::sleep(REWATCH_DELAY).await;
            let mut again = Lines::connect(&self.address).await?;
            again.send(&Ask::Watch { path: self.path.clone() }).await?;
            io::Result::Ok(again)
        };
        select! {
            () = self.running.done() => {}
            () = self.cancel.done() => {}
            connected = connecting => if let Ok(again) = connected {
                *connection = again;
            },
        }
    }
}

/// What has to be closed before its process goes.
#[must_use = "dropping it closes the topology's client"]
pub(super) struct CloseOnDrop(pub(super) Arc<TopoServer>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        // No stream would end while the only thread waits for that.
        match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
            Ok(RuntimeFlavor::CurrentThread) => self.0.cancel(),
            _ => self.0.close(),
        }
    }
}
