//! The client of operators and readers: starts, steers and follows a bulk load, and reads rows.

use super::messages::{BulkLoad, Control, MetaAnswer, MetaRequest, Pid, Serving};
use super::rpc::Caller;
use crate::rt::net::TcpStream;
use crate::rt::{select, time};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::pin;
use std::time::Duration;

/// The pause before the next request.
const AGAIN: Duration = Duration::from_secs(1);

/// A client of the meta server and of the replica servers that serve rows.
#[derive(Debug)]
pub struct Client {
    meta: String,
    caller: Caller,
}

impl Client {
    /// A client of the meta server at this address. It connects on first use.
    pub fn new(meta: impl Into<String>) -> Self {
        Self { meta: meta.into(), caller: Caller::default() }
    }

    /// Waits until every partition has a primary and all its secondaries.
    pub async fn healthy(&self) -> Vec<Serving> {
        loop {
            if let Ok(serving) = self.serving().await
                && !serving.is_empty()
                && serving.iter().all(|partition| partition.healthy)
            {
                return serving;
            }
            time::sleep(AGAIN).await;
        }
    }

    /// The server of each partition.
    ///
    /// # Errors
    /// The meta server did not answer.
    pub async fn serving(&self) -> io::Result<Vec<Serving>> {
        match self.ask(&MetaRequest::Serving).await? {
            MetaAnswer::Serving(serving) => Ok(serving),
            other => Err(unexpected(&other)),
        }
    }

    /// Starts a bulk load.
    ///
    /// # Errors
    /// The meta server did not answer, or refused.
    pub async fn start_bulk_load(&self) -> io::Result<()> {
        self.done(&MetaRequest::StartBulkLoad).await
    }

    /// Pauses, restarts or cancels the bulk load.
    ///
    /// # Errors
    /// The meta server did not answer, or refused.
    pub async fn control(&self, control: Control) -> io::Result<()> {
        self.done(&MetaRequest::Control(control)).await
    }

    /// Moves a partition's primary, which raises its ballot twice.
    ///
    /// # Errors
    /// The meta server did not answer, or there is no secondary to move to.
    pub async fn balance(&self, partition: Pid) -> io::Result<()> {
        self.done(&MetaRequest::Balance { pid: partition }).await
    }

    /// The status of the latest bulk load.
    ///
    /// # Errors
    /// The meta server did not answer.
    pub async fn query_bulk_load(&self) -> io::Result<BulkLoad> {
        match self.ask(&MetaRequest::QueryBulkLoad).await? {
            MetaAnswer::BulkLoad(load) => Ok(load),
            other => Err(unexpected(&other)),
        }
    }

    /// Waits until the bulk load has ended and every group has cleaned up.
    pub async fn bulk_load_over(&self) -> BulkLoad {
        loop {
            if let Ok(load) = self.query_bulk_load().await
                && load.closed
            {
                return load;
            }
            time::sleep(AGAIN).await;
        }
    }

    /// All rows of a partition, read from its primary.
    pub async fn rows(&self, partition: Pid) -> Vec<(String, String)> {
        loop {
            if let Ok(serving) = self.serving().await
                && let Some(Serving { rows_address: Some(address), .. }) = serving.into_iter().nth(partition as usize)
                && let Ok(Ok(rows)) = time::timeout(Duration::from_secs(5), get_rows(&address, partition)).await
            {
                return rows;
            }
            time::sleep(AGAIN).await;
        }
    }

    async fn done(&self, request: &MetaRequest) -> io::Result<()> {
        match self.ask(request).await? {
            MetaAnswer::Done => Ok(()),
            other => Err(unexpected(&other)),
        }
    }

    async fn ask(&self, request: &MetaRequest) -> io::Result<MetaAnswer> {
        self.caller.call(&self.meta, request).await
    }
}

fn unexpected(answer: &MetaAnswer) -> io::Error {
    match answer {
        MetaAnswer::Refused(why) => io::Error::other(why.clone()),
        other => io::Error::other(format!("the meta server answered {other:?}")),
    }
}

/// `GET /rows?partition=N`.
async fn get_rows(address: &str, partition: Pid) -> io::Result<Vec<(String, String)>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let asking = async move {
        let request = Request::get(format!("/rows?partition={partition}"))
            .header(header::HOST, address)
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(io::Error::other)?;
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        if !answer.status().is_success() {
            return Err(io::Error::other(format!("{address} answered {}", answer.status())));
        }
        let body = answer.into_body().collect().await.map_err(io::Error::other)?;
        Ok(serde_json::from_slice(&body.to_bytes())?)
    };
    let (mut asking, mut connection) = (pin!(asking), pin!(connection));
    select! {
        answered = &mut asking => answered,
        _ = &mut connection => asking.await,
    }
}
