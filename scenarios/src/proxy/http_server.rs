//! The HTTP stats server: the object behind `AdminHTTPServer`, and the daemon that serves its pages.
//! `admin.rs` creates and ends both, and hands the daemon its request handler.

use super::threads;
use crate::rt::net::TcpListener;
use crate::rt::sync::Notify;
use crate::rt::{select, spawn};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::runtime::Builder;

/// Returns the page at a path; `None` if there is none.
pub(super) type Handler = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// `ProxySQL_HTTP_Server`: renders the pages.
#[derive(Debug)]
pub(super) struct HttpServer {
    page_top: String,
}

/// A running daemon: libmicrohttpd's, on its own thread.
pub(super) struct HttpDaemon {
    stop: Arc<Notify>,
    thread: JoinHandle<()>,
}

impl HttpServer {
    pub(super) fn new() -> Self {
        Self { page_top: "ProxySQL statistics".to_owned() }
    }

    /// Renders a page of the statistics.
    pub(super) fn page(&self, path: &str, status: impl FnOnce() -> Vec<(String, u64)>) -> Option<String> {
        if path != "/stats" {
            return None;
        }
        let status = status();
        let lines = status.iter().map(|(name, value)| format!("{name} {value}\n"));
        Some(format!("{}\n{}", self.page_top, lines.collect::<String>()))
    }
}

impl HttpDaemon {
    /// `MHD_start_daemon`.
    pub(super) fn start(listen: &str, handler: Handler) -> io::Result<Self> {
        let listener = StdListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let thread = threads::create("http-daemon", move || {
            runtime.block_on(serve(&handler, listener, &stopped));
        });
        Ok(Self { stop, thread })
    }

    /// `MHD_stop_daemon`: closes the connections and joins the thread.
    pub(super) fn stop(self) {
        self.stop.notify_one();
        threads::join(self.thread);
    }
}

async fn serve(handler: &Handler, listener: StdListener, stop: &Notify) {
    let listener = TcpListener::from_std(listener).expect("the daemon polls its listener");
    loop {
        let accepted = select! {
            () = stop.notified() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors: microhttpd also waits a little.
            crate::rt::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let handler = Arc::clone(handler);
        spawn(async move {
            let service = service_fn(|request| {
                let answer = answer(&handler, &request);
                async { Ok::<_, Infallible>(answer) }
            });
            // The client sees an error, too.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn answer(handler: &Handler, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (code, body) = match handler(request.uri().path()) {
        Some(page) => (StatusCode::OK, page),
        None => (StatusCode::NOT_FOUND, String::new()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = code;
    response
}
