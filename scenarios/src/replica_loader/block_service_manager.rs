//! The downloading side of the block service: `block_service_manager`. A download runs inside the task that asks for
//! it, as upstream's does.

use super::messages::{ErrorCode, Pid};
use crate::block_on::block_on;
use crate::rt::net::TcpStream;
use crate::rt::select;
use afterlife_probe::always;
use axum::http::StatusCode;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use std::collections::BTreeSet;
use std::fs::File;
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;

/// The downloading side of the block service, on one node.
#[derive(Debug)]
pub(super) struct BlockServiceManager {
    address: String,
    runtime: Handle,
    /// The files that are being written at this moment.
    writing: Mutex<BTreeSet<PathBuf>>,
}

impl BlockServiceManager {
    pub(super) fn new(address: String, runtime: Handle) -> Self {
        Self { address, runtime, writing: Mutex::default() }
    }

    /// `download_file`: copies one file into a directory, and returns the size and the digest of the received bytes. It
    /// blocks the calling task's thread. It ends early only if `interrupted` completes.
    pub(super) fn download_file(
        &self,
        pid: Pid,
        directory: &Path,
        name: &str,
        interrupted: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(u64, String), ErrorCode> {
        let local = directory.join(name);
        if local.exists() {
            return Err(ErrorCode::PathAlreadyExist);
        }
        let mine = self.writing().insert(local.clone());
        always!(mine, "one task at a time writes a downloaded file");
        let copying = copy(self.address.clone(), format!("/{pid}/{name}"), local.clone());
        let downloaded = block_on(&self.runtime, async {
            select! {
                biased;
                () = interrupted => Err(ErrorCode::Cancelled),
                downloaded = copying => downloaded,
            }
        });
        self.writing().remove(&local);
        downloaded.unwrap_or(Err(ErrorCode::Cancelled))
    }

    fn writing(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies a file from the block service at this address, chunk by chunk.
async fn copy(address: String, remote: String, local: PathBuf) -> Result<(u64, String), ErrorCode> {
    let stream = TcpStream::connect(&address).await.map_err(|_| ErrorCode::FsInternal)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| ErrorCode::FsInternal)?;
    let asking = async move {
        let request = Request::get(remote)
            .header(header::HOST, &address)
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|_| ErrorCode::FsInternal)?;
        let answer = sender.send_request(request).await.map_err(|_| ErrorCode::FsInternal)?;
        if answer.status() == StatusCode::NOT_FOUND {
            // "remote file not exists"
            return Err(ErrorCode::Corruption);
        }
        if !answer.status().is_success() {
            return Err(ErrorCode::FsInternal);
        }
        let mut body = answer.into_body();
        let mut file = File::create(local).map_err(|_| ErrorCode::FileOperationFailed)?;
        let (mut size, mut digest) = (0, md5::Context::new());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| ErrorCode::FsInternal)?;
            let Some(bytes) = frame.data_ref() else { continue };
            size += bytes.len() as u64;
            digest.consume(bytes);
            file.write_all(bytes).map_err(|_| ErrorCode::FileOperationFailed)?;
        }
        Ok((size, format!("{:x}", digest.finalize())))
    };
    // Only this future drives the connection, so the connection ends with the task.
    let (mut asking, mut connection) = (pin!(asking), pin!(connection));
    select! {
        answered = &mut asking => answered,
        _ = &mut connection => asking.await,
    }
}
