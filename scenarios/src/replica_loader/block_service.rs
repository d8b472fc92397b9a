//! The block service: an object store over HTTP that serves the files to load. It knows no replica. Its downloading
//! side is in `block_service_manager.rs`.

use super::config::BlockServiceConfig;
use super::messages::{BulkLoadMetadata, FileMeta, METADATA, Pid};
use crate::listening::Listening;
use crate::rt::net::TcpListener;
use crate::rt::task;
use crate::rt::time::{self, Instant};
use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::serve::IncomingStream;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::path::{self, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The number of bytes that are read from a file at a time. Upstream reads 64 MiB, of files of gigabytes.
const CHUNK_BYTES: usize = 512;

/// The overhead of a throttled answer: of its head, and of each chunk. These match the sizes on the simulation's own
/// links, packet headers included.
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
    let service = Arc::new(BlockService { root: config.root, throttle: config.bytes_per_s.map(Throttle::new) });
    let routes = Router::new().route("/{pid}/{name}", get(serve_file)).with_state(service);
    let serving = routes.into_make_service_with_connect_info::<Peer>();
    axum::serve(Listening(listener), serving).with_graceful_shutdown(stop).await
}

struct BlockService {
    root: PathBuf,
    throttle: Option<Throttle>,
}

/// The peer of a connection.
#[derive(Clone, Copy)]
struct Peer(IpAddr);

impl Connected<IncomingStream<'_, Listening>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listening>) -> Self {
        Self(stream.remote_addr().ip())
    }
}

/// A limited bandwidth to each peer. Answers to one peer are sent one after the other, in the order of the requests,
/// including answers to requests whose client has gone.
struct Throttle {
    bytes_per_s: u64,
    free_at: Mutex<BTreeMap<IpAddr, Instant>>,
}

impl Throttle {
    fn new(bytes_per_s: u64) -> Self {
        Self { bytes_per_s, free_at: Mutex::default() }
    }

    /// The time that a body of so many bytes takes.
    fn body_time(&self, bytes: usize) -> Duration {
        self.time(bytes + bytes.div_ceil(CHUNK_BYTES) * FRAME_BYTES)
    }

    fn time(&self, bytes: usize) -> Duration {
        Duration::from_nanos(bytes as u64 * 1_000_000_000 / self.bytes_per_s)
    }

    /// Waits until everything that this peer requested before, and this answer's head, has been sent. The body, of so
    /// many bytes, follows.
    async fn send_head(&self, peer: IpAddr, body: usize) -> Instant {
        let sent = self.reserve(Instant::now(), peer, body);
        time::sleep_until(sent).await;
        sent
    }

    /// Reserves bandwidth for an answer, and returns the time at which its head has been sent.
    fn reserve(&self, now: Instant, peer: IpAddr, body: usize) -> Instant {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = free_at.get(&peer).map_or(now, |free| now.max(*free));
        let sent = begins + self.time(HEAD_BYTES);
        free_at.insert(peer, sent + self.body_time(body));
        sent
    }
}

async fn serve_file(
    State(service): State<Arc<BlockService>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    Path((pid, name)): Path<(Pid, String)>,
) -> Result<Body, StatusCode> {
    let path =
        service.root.join(pid.to_string()).join(path::Path::new(&name).file_name().ok_or(StatusCode::NOT_FOUND)?);
    let read = task::spawn_blocking(move || fs::read(path)).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    match read {
        Ok(bytes) => {
            let sent = match &service.throttle {
                None => None,
                Some(throttle) => Some(throttle.send_head(peer, bytes.len()).await),
            };
            Ok(Body::from_stream(in_chunks(bytes.into(), service, sent)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StatusCode::NOT_FOUND),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// A file in chunks as they are read, so that the receiver writes one chunk before the rest arrives.
///
/// With a throttle, `sent` is the time at which the head has been sent.
fn in_chunks(
    bytes: Bytes,
    service: Arc<BlockService>,
    sent: Option<Instant>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::unfold((bytes, sent), move |(mut left, sent)| {
        let service = Arc::clone(&service);
        async move {
            if left.is_empty() {
                return None;
            }
            let chunk = left.split_to(left.len().min(CHUNK_BYTES));
            let sent =
                sent.zip(service.throttle.as_ref()).map(|(sent, throttle)| sent + throttle.body_time(chunk.len()));
            // The previous chunk goes out meanwhile.
            match sent {
                None => task::yield_now().await,
                Some(sent) => time::sleep_until(sent).await,
            }
            Some((Ok(chunk), (left, sent)))
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

#[cfg(test)]
mod tests {
    use super::{CHUNK_BYTES, FRAME_BYTES, HEAD_BYTES, Instant, Throttle};
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    #[test]
    fn answers_to_one_peer_are_sent_one_after_the_other_and_delay_no_other_peer() {
        let throttle = Throttle::new(1_000_000);
        let [one, other] = [1, 2].map(|last| IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)));
        let now = Instant::now();
        let after = |asked_us: usize, peer, chunks: usize| {
            let asked = now + Duration::from_micros(asked_us as u64);
            (throttle.reserve(asked, peer, chunks * CHUNK_BYTES) - now).as_micros() as usize
        };
        let two_chunks = 2 * (CHUNK_BYTES + FRAME_BYTES);
        assert_eq!(after(0, one, 2), HEAD_BYTES, "its own head alone");
        assert_eq!(after(10, one, 2), HEAD_BYTES + two_chunks + HEAD_BYTES, "behind everything requested before");
        assert_eq!(after(20, other, 2), 20 + HEAD_BYTES, "on its own bandwidth");
        assert_eq!(after(100_000, one, 0), 100_000 + HEAD_BYTES, "the bandwidth is free again");
    }
}
