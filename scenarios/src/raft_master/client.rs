//! A client of the masters' API: finds the leader, follows it when it moves, and retries. It returns `Ok` only for an
//! acknowledged proposal, or for a read that the leader vouched for.

use super::messages::{CreatePartition, CreateVolume, Done, Refusal, RegisterNode};
use super::records::{DataPartition, json};
use crate::rt::{net::TcpStream, task, time};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest wait for one master's answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// The pause before the next attempt.
const PAUSE: Duration = Duration::from_millis(200);

/// The default time for which a call is retried.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);

/// The reason why a call was not acknowledged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nothing has that name.
    #[error("there is none of that name")]
    NotFound,
    /// The leader rejected the request.
    #[error("refused with {status}: {error}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The leader's message.
        error: String,
    },
    /// No leader acknowledged the call in time. It may have been done, or may still be done.
    #[error("gave up after {attempts} attempts: {last}")]
    GaveUp {
        /// The number of attempts.
        attempts: u32,
        /// The outcome of the last attempt.
        last: String,
    },
}

/// A master's own status.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Status {
    /// The master's number.
    pub id: u64,
    /// The current leader, as far as the master knows.
    pub leader: Option<u64>,
    /// The index of the last entry that the master has applied.
    pub applied: u64,
    /// The master leads and has loaded the metadata.
    pub meta_ready: bool,
    /// The number of volumes that the master knows.
    pub volumes: usize,
    /// The number of data partitions that the master knows.
    pub partitions: usize,
    /// The number of data nodes that report.
    pub active_nodes: usize,
}

/// A client of the masters.
#[derive(Debug)]
pub struct Client {
    addresses: Vec<String>,
    give_up_after: Duration,
    /// The address to ask next: the last known leader, or the next master to try.
    target: Mutex<String>,
    /// An idle connection, and its target.
    idle: Mutex<Option<(String, SendRequest<Full<Bytes>>)>>,
}

impl Client {
    /// A client of the masters whose APIs are at `api_addrs`. It connects on first use.
    ///
    /// # Panics
    ///
    /// If there is no address.
    pub fn new(api_addrs: Vec<String>) -> Self {
        let first = api_addrs.first().expect("a client has at least one address").clone();
        Self { addresses: api_addrs, give_up_after: GIVE_UP_AFTER, target: Mutex::new(first), idle: Mutex::new(None) }
    }

    /// Sets the time for which each call is retried.
    #[must_use]
    pub fn give_up_after(mut self, limit: Duration) -> Self {
        self.give_up_after = limit;
        self
    }

    /// Creates a volume. An existing one is acknowledged again.
    ///
    /// # Errors
    ///
    /// If it was not acknowledged.
    pub async fn create_volume(&self, name: &str) -> Result<(), ClientError> {
        let body = CreateVolume { name: name.to_owned() };
        self.post::<Done>("/volumes", &body).await.map(drop)
    }

    /// Deletes a volume. A missing one is acknowledged as well.
    ///
    /// # Errors
    ///
    /// If it was not acknowledged.
    pub async fn delete_volume(&self, name: &str) -> Result<(), ClientError> {
        self.delete(&format!("/volumes/{name}")).await
    }

    /// Returns whether a volume of that name exists.
    ///
    /// # Errors
    ///
    /// If no leader answered.
    pub async fn has_volume(&self, name: &str) -> Result<bool, ClientError> {
        self.has(&format!("/volumes/{name}")).await
    }

    /// The volumes' current names, in order.
    ///
    /// # Errors
    ///
    /// If no leader answered.
    pub async fn list_volumes(&self) -> Result<Vec<String>, ClientError> {
        self.get("/volumes").await
    }

    /// Creates a data partition of a volume and returns its number. A retry may create it twice.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if there is no such volume; otherwise if it was not acknowledged.
    pub async fn create_partition(&self, volume: &str) -> Result<u64, ClientError> {
        let body = CreatePartition { volume: volume.to_owned() };
        self.post::<DataPartition>("/partitions", &body).await.map(|partition| partition.id)
    }

    /// Deletes a data partition.
    ///
    /// # Errors
    ///
    /// If it was not acknowledged.
    pub async fn delete_partition(&self, id: u64) -> Result<(), ClientError> {
        self.delete(&format!("/partitions/{id}")).await
    }

    /// The data partitions' current numbers, in order.
    ///
    /// # Errors
    ///
    /// If no leader answered.
    pub async fn list_partitions(&self) -> Result<Vec<u64>, ClientError> {
        let partitions: Vec<DataPartition> = self.get("/partitions").await?;
        Ok(partitions.iter().map(|partition| partition.id).collect())
    }

    /// Registers a data node.
    ///
    /// # Errors
    ///
    /// If it was not acknowledged.
    pub async fn register_node(&self, address: &str) -> Result<(), ClientError> {
        let body = RegisterNode { address: address.to_owned() };
        self.post::<Done>("/nodes", &body).await.map(drop)
    }

    /// Removes a data node.
    ///
    /// # Errors
    ///
    /// If it was not acknowledged.
    pub async fn delete_node(&self, address: &str) -> Result<(), ClientError> {
        self.delete(&format!("/nodes/{address}")).await
    }

    /// The data nodes' current addresses, in order.
    ///
    /// # Errors
    ///
    /// If no leader answered.
    pub async fn list_nodes(&self) -> Result<Vec<String>, ClientError> {
        self.get("/nodes").await
    }

    /// Sends a data node's heartbeat.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] if it is not registered; otherwise if no leader answered.
    pub async fn heartbeat(&self, address: &str) -> Result<(), ClientError> {
        self.call::<Done>(&Method::POST, &format!("/nodes/{address}/heartbeat"), Bytes::new()).await.map(drop)
    }

    /// The status of the master at `address`, asked once.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn status(&self, address: &str) -> Result<Status, ClientError> {
        match self.attempt(address, &Method::GET, "/status", Bytes::new()).await {
            Attempt::Answered(status) => Ok(status),
            Attempt::Refused(error) => Err(error),
            Attempt::Elsewhere { why, .. } => Err(ClientError::GaveUp { attempts: 1, last: why }),
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.call(&Method::GET, path, Bytes::new()).await
    }

    async fn has(&self, path: &str) -> Result<bool, ClientError> {
        match self.get::<IgnoredAny>(path).await {
            Ok(_) => Ok(true),
            Err(ClientError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl serde::Serialize) -> Result<T, ClientError> {
        self.call(&Method::POST, path, json(body).into()).await
    }

    async fn delete(&self, path: &str) -> Result<(), ClientError> {
        self.call::<Done>(&Method::DELETE, path, Bytes::new()).await.map(drop)
    }

    /// Retries until a leader answers or the time is up.
    async fn call<T: DeserializeOwned>(&self, method: &Method, path: &str, body: Bytes) -> Result<T, ClientError> {
        let deadline = time::Instant::now() + self.give_up_after;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let target = self.target().clone();
            let (leader, last) = match self.attempt(&target, method, path, body.clone()).await {
                Attempt::Answered(answer) => return Ok(answer),
                Attempt::Refused(error) => return Err(error),
                Attempt::Elsewhere { leader, why } => (leader, why),
            };
            let redirected = leader.is_some();
            self.turn_from(&target, leader);
            if time::Instant::now() + PAUSE >= deadline {
                return Err(ClientError::GaveUp { attempts, last });
            }
            if !redirected {
                time::sleep(PAUSE).await;
            }
        }
    }

    async fn attempt<T: DeserializeOwned>(&self, target: &str, method: &Method, path: &str, body: Bytes) -> Attempt<T> {
        let elsewhere = |why: String| Attempt::Elsewhere { leader: None, why };
        let (status, body) = match time::timeout(ANSWER_WITHIN, self.request(target, method, path, body)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) => return elsewhere(format!("{target}: {why}")),
            Err(late) => return elsewhere(format!("{target}: {late}")),
        };
        if status.is_success() {
            return match serde_json::from_slice(&body) {
                Ok(answer) => Attempt::Answered(answer),
                Err(error) => elsewhere(format!("{target}: {error}")),
            };
        }
        let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
        match status {
            StatusCode::NOT_FOUND => Attempt::Refused(ClientError::NotFound),
            StatusCode::MISDIRECTED_REQUEST => {
                let leader = refusal.leader.filter(|leader| leader != target);
                Attempt::Elsewhere { leader, why: format!("{target}: {}", refusal.error) }
            }
            status if status.is_server_error() => elsewhere(format!("{target}: {}", refusal.error)),
            status => Attempt::Refused(ClientError::Refused { status: status.as_u16(), error: refusal.error }),
        }
    }

    /// Sends one request over the idle connection, if it leads to `target`, or else over a new one.
    async fn request(
        &self,
        target: &str,
        method: &Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let idle = self.idle().take().filter(|(leads_to, sender)| leads_to == target && sender.is_ready());
        let mut sender = match idle {
            Some((_, sender)) => sender,
            None => connect(target).await?,
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, target)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        *self.idle() = Some((target.to_owned(), sender));
        Ok((status, body))
    }

    /// Turns to the leader, if one was named, or else to the master after `target`, unless another call has already
    /// turned away from `target`.
    fn turn_from(&self, target: &str, leader: Option<String>) {
        let mut next = self.target();
        if *next != target {
            return;
        }
        *next = leader.unwrap_or_else(|| {
            let place = self.addresses.iter().position(|address| address == target);
            self.addresses[place.map_or(0, |place| place + 1) % self.addresses.len()].clone()
        });
    }

    fn target(&self) -> MutexGuard<'_, String> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self) -> MutexGuard<'_, Option<(String, SendRequest<Full<Bytes>>)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The outcome of asking one master.
enum Attempt<T> {
    Answered(T),
    Refused(ClientError),
    /// Another master may know better, perhaps the one that was named.
    Elsewhere {
        leader: Option<String>,
        why: String,
    },
}

/// Opens a connection. Its task ends when the sender is dropped.
async fn connect(target: &str) -> Result<SendRequest<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    task::spawn(async move {
        // The request in flight learns of an error as well.
        let _ = connection.await;
    });
    Ok(sender)
}
