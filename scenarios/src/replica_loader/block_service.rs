//! The block service: an object store over HTTP that holds the files to load, and the side that downloads them.
//! It knows no replica. A download runs inside the task that asks for it, as upstream's does.

use super::config::BlockServiceConfig;
use super::messages::{BulkLoadMetadata, ErrorCode, FileMeta, Pid};
use crate::block_on::block_on;
use crate::listening::Listening;
use crate::rt::net::{TcpListener, TcpStream};
use crate::rt::time::{self, Instant};
use crate::rt::{select, task};
use afterlife_probe::always;
use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::serve::IncomingStream;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::future::Future;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{self, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;

/// The name of the list of a partition's files: `bulk_load_constant::BULK_LOAD_METADATA`.
pub(super) const METADATA: &str = "bulk_load_metadata";

/// How much is read of a file at a time. Upstream reads 64 MiB of files of gigabytes.
const CHUNK_BYTES: usize = 512;

/// What a narrow way takes for an answer before its body, and for each chunk beside what is in it: about as many bytes as these
/// are on the room's own links, packets' heads included.
const HEAD_BYTES: usize = 230;
const FRAME_BYTES: usize = 75;

/// Serves the files under its root until `stop` is ready.
///
/// # Errors
/// If it cannot listen.
pub async fn run_block_service(
    config: BlockServiceConfig,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = TcpListener::bind(&config.listen).await?;
    let service = Arc::new(BlockService { root: config.root, ways: config.bytes_per_s.map(Ways::new) });
    let routes = Router::new().route("/{pid}/{name}", get(give)).with_state(service);
    let serving = routes.into_make_service_with_connect_info::<Peer>();
    axum::serve(Listening(listener), serving).with_graceful_shutdown(stop).await
}

struct BlockService {
    root: PathBuf,
    ways: Option<Ways>,
}

/// Who asks.
#[derive(Clone, Copy)]
struct Peer(IpAddr);

impl Connected<IncomingStream<'_, Listening>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listening>) -> Self {
        Self(stream.remote_addr().ip())
    }
}

/// A narrow way to each peer. What a peer asks for passes one after the other, in the order in which it was asked for, also for who
/// has gone meanwhile.
struct Ways {
    bytes_per_s: u64,
    free_at: Mutex<BTreeMap<IpAddr, Instant>>,
}

impl Ways {
    fn new(bytes_per_s: u64) -> Self {
        Self { bytes_per_s, free_at: Mutex::default() }
    }

    /// How long so much of a body takes.
    fn body_takes(&self, bytes: usize) -> Duration {
        self.takes(bytes + bytes.div_ceil(CHUNK_BYTES) * FRAME_BYTES)
    }

    fn takes(&self, bytes: usize) -> Duration {
        Duration::from_nanos(bytes as u64 * 1_000_000_000 / self.bytes_per_s)
    }

    /// Waits until all that this peer asked for before has passed, and this answer's head. Then its body, of so many bytes,
    /// begins to pass.
    async fn head_of(&self, peer: IpAddr, body: usize) -> Instant {
        let passed = self.reserve(Instant::now(), peer, body);
        time::sleep_until(passed).await;
        passed
    }

    /// When the head has passed of what is asked for now.
    fn reserve(&self, now: Instant, peer: IpAddr, body: usize) -> Instant {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = free_at.get(&peer).map_or(now, |free| now.max(*free));
        let passed = begins + self.takes(HEAD_BYTES);
        free_at.insert(peer, passed + self.body_takes(body));
        passed
    }
}

async fn give(
    State(service): State<Arc<BlockService>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    Path((pid, name)): Path<(Pid, String)>,
) -> Result<Body, StatusCode> {
    let path =
        service.root.join(pid.to_string()).join(path::Path::new(&name).file_name().ok_or(StatusCode::NOT_FOUND)?);
    let read = task::spawn_blocking(move || fs::read(path)).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    match read {
        Ok(bytes) => {
            let passed = match &service.ways {
                None => None,
                Some(ways) => Some(ways.head_of(peer, bytes.len()).await),
            };
            Ok(Body::from_stream(in_chunks(bytes.into(), service, passed)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StatusCode::NOT_FOUND),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// A file as it is read: what has come to the other side is written there before the rest comes.
///
/// On a narrow way, `passed` is when its head has.
fn in_chunks(
    bytes: Bytes,
    service: Arc<BlockService>,
    passed: Option<Instant>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::unfold((bytes, passed), move |(mut left, passed)| {
        let service = Arc::clone(&service);
        async move {
            if left.is_empty() {
                return None;
            }
            let chunk = left.split_to(left.len().min(CHUNK_BYTES));
            let passed = passed.zip(service.ways.as_ref()).map(|(passed, ways)| passed + ways.body_takes(chunk.len()));
            // What was read before goes out meanwhile.
            match passed {
                None => task::yield_now().await,
                Some(passed) => time::sleep_until(passed).await,
            }
            Some((Ok(chunk), (left, passed)))
        }
    })
}

/// Fills a provider's directory: `files[pid]` are the partition's files, each with its rows.
///
/// # Errors
/// If a file cannot be written.
pub fn write_provider(root: &path::Path, files: &[Vec<Vec<(String, String)>>]) -> io::Result<()> {
    for (pid, files) in files.iter().enumerate() {
        let directory = root.join(pid.to_string());
        fs::create_dir_all(&directory)?;
        let mut metadata = BulkLoadMetadata { files: Vec::new(), file_total_size: 0 };
        for (number, rows) in (1..).zip(files) {
            let name = format!("{number}.sst");
            let content = serde_json::to_vec(rows)?;
            fs::write(directory.join(&name), &content)?;
            let size = content.len() as u64;
            metadata.file_total_size += size;
            metadata.files.push(FileMeta { name, size, md5: format!("{:x}", md5::compute(&content)) });
        }
        fs::write(directory.join(METADATA), serde_json::to_vec(&metadata)?)?;
    }
    Ok(())
}

/// The downloading side: `block_service_manager`.
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

    /// `download_file`: copies one file into a directory, and returns the size and the digest of what came. It blocks
    /// the thread of the task that calls it. Only who gives it up when `interrupted` does ends it before its time.
    pub(super) fn download_file(
        &self,
        pid: Pid,
        directory: &path::Path,
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

/// Copies what the block service at this address has into a file, chunk by chunk.
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
    // The connection is driven here, by nobody else: it ends with the task.
    let (mut asking, mut connection) = (pin!(asking), pin!(connection));
    select! {
        answered = &mut asking => answered,
        _ = &mut connection => asking.await,
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK_BYTES, FRAME_BYTES, HEAD_BYTES, Instant, Ways};
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    #[test]
    fn what_one_peer_asks_for_passes_one_after_the_other_and_holds_up_no_other_peer() {
        let ways = Ways::new(1_000_000);
        let [one, other] = [1, 2].map(|last| IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)));
        let now = Instant::now();
        let after = |asked_us: usize, peer, chunks: usize| {
            let asked = now + Duration::from_micros(asked_us as u64);
            (ways.reserve(asked, peer, chunks * CHUNK_BYTES) - now).as_micros() as usize
        };
        let two_chunks = 2 * (CHUNK_BYTES + FRAME_BYTES);
        assert_eq!(after(0, one, 2), HEAD_BYTES, "its head alone");
        assert_eq!(after(10, one, 2), HEAD_BYTES + two_chunks + HEAD_BYTES, "behind all that was asked for before");
        assert_eq!(after(20, other, 2), 20 + HEAD_BYTES, "on a way of its own");
        assert_eq!(after(100_000, one, 0), 100_000 + HEAD_BYTES, "the way is free again");
    }
}
