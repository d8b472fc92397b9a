//! The topology's client: upstream's `topo.Server` over `etcd2topo`, with records, locks, watches, and its close. The
//! server is in `topo_server.rs`.

use super::build::Build;
use super::config::{REMOTE_OPERATION_TIMEOUT, WATCH_CAPACITY};
use super::context::Context;
use super::goroutine::go;
use super::topo_rpc::{TopoError, TopoReply, TopoRequest};
use super::topo_watch::{Stream, Streams, Watch, Watching};
use crate::line_protocol::Lines;
use crate::rt::{select, sync::mpsc, task, time};
use afterlife_probe::Resource;
use serde::{Serialize, de::DeserializeOwned};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};

/// The interval at which a lock's holder renews the lease.
const KEEPALIVE: Duration = Duration::from_secs(3);
/// A lock of the topology, held until it is dropped.
#[must_use = "dropping it releases the lock"]
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
    /// Upstream's channel `running`, closed together with the client.
    running: Context,
    resource: Resource,
    streams: Arc<Streams>,
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
        self.streams.wait_for_end();
    }

    /// Closes `running`.
    fn cancel(&self) {
        self.resource.close();
        self.running.cancel();
    }

    /// Reads a record and its version.
    ///
    /// # Errors
    /// The record does not exist, or the server cannot be reached.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<(T, u64), TopoError> {
        match self.ask(&TopoRequest::Get { path: path.to_owned() }).await? {
            TopoReply::Value { version: 0, .. } => Err(TopoError::NoNode(path.to_owned())),
            TopoReply::Value { value, version } => Ok((serde_json::from_str(&value)?, version)),
            _ => Err(TopoError::Conflict),
        }
    }

    /// Sets a record if it has this version; 0 creates it.
    ///
    /// # Errors
    /// The record has another version, or the server cannot be reached.
    pub async fn set<T: Serialize + Sync>(&self, path: &str, record: &T, version: u64) -> Result<(), TopoError> {
        let ask = TopoRequest::Set { path: path.to_owned(), value: serde_json::to_string(record)?, version };
        match self.ask(&ask).await? {
            TopoReply::Value { .. } => Ok(()),
            _ => Err(TopoError::Conflict),
        }
    }

    /// Reads a record, changes it and sets it, and repeats until no other client has changed it in between: upstream's
    /// `UpdateShardFields` and `UpdateTabletFields`. `None` from `change` leaves the record unchanged.
    ///
    /// # Errors
    /// The record does not exist, or the server cannot be reached.
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
    /// Another client holds it, or the server cannot be reached.
    pub(super) async fn lock_name(&self, name: &str) -> Result<NameLock, TopoError> {
        let locking = async {
            let mut connection = Lines::connect(&self.address).await?;
            connection.send(&TopoRequest::Lock { name: name.to_owned() }).await?;
            match connection.receive().await? {
                Some(TopoReply::Locked) => {
                    Ok(NameLock { keeping: task::spawn(keep_lease(connection, name.to_owned())) })
                }
                _ => Err(TopoError::Conflict),
            }
        };
        self.bounded(locking).await
    }

    /// Watches a path: upstream's `Watch` of etcd2topo, with the goroutine that passes events on.
    ///
    /// # Errors
    /// The server cannot be reached.
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
        connection.send(&TopoRequest::Watch { path: path.to_owned() }).await?;
        Ok(connection)
    }

    async fn ask(&self, ask: &TopoRequest) -> Result<TopoReply, TopoError> {
        let asking = async {
            let mut connection = Lines::connect(&self.address).await?;
            connection.send(ask).await?;
            connection.receive().await?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof).into())
        };
        self.bounded(asking).await
    }

    /// Waits for a request's answer, up to the time limit. A closed client asks nothing.
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
        let kept = connection.send(&TopoRequest::Lock { name: name.clone() }).await;
        if kept.is_err() || !matches!(connection.receive().await, Ok(Some(TopoReply::Locked))) {
            return;
        }
    }
}

/// Closes the topology's client when dropped.
#[must_use = "dropping it closes the topology's client"]
pub(super) struct CloseOnDrop(pub(super) Arc<TopoServer>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        // On a single-threaded runtime no stream could end while this thread waits.
        match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
            Ok(RuntimeFlavor::CurrentThread) => self.0.cancel(),
            _ => self.0.close(),
        }
    }
}
