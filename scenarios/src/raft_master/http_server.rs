//! The HTTP server under the API: axum on a listener, with graceful shutdown. It knows no route.

use crate::listening::Listening;
use crate::rt::net::TcpListener;
use crate::rt::sync::oneshot;
use crate::rt::task::{self, JoinHandle};
use crate::rt::time;
use axum::Router;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A running HTTP server.
#[derive(Debug)]
pub(super) struct HttpServer {
    stop: Mutex<Option<oneshot::Sender<()>>>,
    serving: Mutex<Option<JoinHandle<io::Result<()>>>>,
}

impl HttpServer {
    /// Serves `routes` at `address`.
    pub(super) async fn start(address: &str, routes: Router) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = task::spawn(async move {
            let stopped = async move { stopped.await.unwrap_or(()) };
            axum::serve(Listening(listener), routes).with_graceful_shutdown(stopped).await
        });
        Ok(Self { stop: Mutex::new(Some(stop)), serving: Mutex::new(Some(serving)) })
    }

    /// Closes the listener, and each connection after its current request. Returns at once.
    pub(super) fn close(&self) {
        if let Some(stop) = self.stop.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = stop.send(());
        }
    }

    /// Upstream's `apiServer.Shutdown(context.Background())`: waits for every request, however long it takes.
    pub(super) async fn shutdown(&self) {
        self.close();
        if let Some(serving) = self.serving() {
            let _ = serving.await;
        }
    }

    /// Waits for the connections for at most `limit`, then aborts them.
    pub(super) async fn shutdown_within(&self, limit: Duration) {
        self.close();
        if let Some(mut serving) = self.serving()
            && time::timeout(limit, &mut serving).await.is_err()
        {
            serving.abort();
            let _ = serving.await;
        }
    }

    fn serving(&self) -> Option<JoinHandle<io::Result<()>>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
