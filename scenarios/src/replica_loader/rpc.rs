//! Calls between the processes: one line per request and per answer, over reused connections. It knows no message and
//! does not retry: its callers decide.

use super::config::RPC_TIMEOUT;
use super::tasks::Tasks;
use crate::line_protocol::Lines;
use crate::rt::net::TcpListener;
use crate::rt::time;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The pause before the next accept when the system has no descriptor left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// The calling side: keeps connections for reuse.
#[derive(Debug, Default)]
pub(super) struct Caller {
    idle: Mutex<BTreeMap<String, Vec<Lines>>>,
}

impl Caller {
    /// Sends one request and waits for its answer, for at most the usual time.
    pub(super) async fn call<Q: Serialize + Sync, A: DeserializeOwned>(&self, to: &str, request: &Q) -> io::Result<A> {
        self.call_within(RPC_TIMEOUT, to, request).await
    }

    /// Sends one request and waits for its answer. An abandoned connection is not reused: it would hand this answer to
    /// the next caller.
    pub(super) async fn call_within<Q: Serialize + Sync, A: DeserializeOwned>(
        &self,
        limit: Duration,
        to: &str,
        request: &Q,
    ) -> io::Result<A> {
        let exchanging = async {
            let idle = self.idle().get_mut(to).and_then(Vec::pop);
            if let Some(mut lines) = idle {
                // A failure means only that the other side has restarted since.
                if let Ok(answer) = exchange(&mut lines, request).await {
                    return Ok((lines, answer));
                }
            }
            let mut lines = Lines::connect(to).await?;
            let answer = exchange(&mut lines, request).await?;
            Ok::<_, io::Error>((lines, answer))
        };
        let (lines, answer) = time::timeout(limit, exchanging).await.map_err(io::Error::from)??;
        self.idle().entry(to.to_owned()).or_default().push(lines);
        Ok(answer)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<Lines>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn exchange<Q: Serialize + Sync, A: DeserializeOwned>(lines: &mut Lines, request: &Q) -> io::Result<A> {
    lines.send(request).await?;
    lines.receive().await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// The answering side: listens, and answers each connection's requests in order, until the tasks are stopped.
pub(super) async fn serve<Q, A, F, Fut>(listener: TcpListener, tasks: Arc<Tasks>, answer: F)
where
    Q: DeserializeOwned + Send + 'static,
    A: Serialize + Send + Sync + 'static,
    F: Fn(Q) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = A> + Send + 'static,
{
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            time::sleep(ACCEPT_AGAIN).await;
            continue;
        };
        let answer = answer.clone();
        tasks.spawn(async move {
            let mut lines = Lines::new(stream);
            while let Ok(Some(request)) = lines.receive::<Q>().await {
                if lines.send(&answer(request).await).await.is_err() {
                    break;
                }
            }
        });
    }
}
