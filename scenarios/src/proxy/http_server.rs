//! The HTTP stats server: the object behind `AdminHTTPServer`, and the daemon that serves what it shows.
//! When either comes and goes is `admin.rs`'s business.

use super::glo::Glo;
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

/// `ProxySQL_HTTP_Server`: what the pages are made with.
#[derive(Debug)]
pub(super) struct HttpServer {
    page_top: String,
}

/// A running daemon: libmicrohttpd's, on a thread of its own.
pub(super) struct HttpDaemon {
    stop: Arc<Notify>,
    thread: JoinHandle<()>,
}

impl HttpServer {
    pub(super) fn new() -> Self {
        Self { page_top: "ProxySQL statistics".to_owned() }
    }

    /// A page of what the statistics say.
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
    pub(super) fn start(glo: &Arc<Glo>) -> io::Result<Self> {
        let listener = StdListener::bind(&glo.config.http_listen)?;
        listener.set_nonblocking(true)?;
        let stop = Arc::new(Notify::new());
        let told = Arc::clone(&stop);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let thread = threads::create(glo, "http-daemon", move |glo| {
            runtime.block_on(serve(glo, listener, &told));
        });
        Ok(Self { stop, thread })
    }

    /// `MHD_stop_daemon`: its connections are closed and its thread is joined.
    pub(super) fn stop(self) {
        self.stop.notify_one();
        threads::join(self.thread);
    }
}

async fn serve(glo: &Arc<Glo>, listener: StdListener, stop: &Notify) {
    let listener = TcpListener::from_std(listener).expect("the daemon polls its listener");
    loop {
        let accepted = select! {
            () = stop.notified() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Without a descriptor left: microhttpd, too, waits a little.
            crate::rt::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let glo = Arc::clone(glo);
        spawn(async move {
            let service = service_fn(|request| {
                let answer = answer(&glo, &request);
                async { Ok::<_, Infallible>(answer) }
            });
            // The client learns of an error, too.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn answer(glo: &Arc<Glo>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    glo.debug("web", format_args!("HTTP request"));
    // `GloAdmin->AdminHTTPServer->handler(…)`, which asks the databases for what it shows.
    let admin = glo.admin.get(format_args!("HTTP request"));
    let page = admin.http_server.get(format_args!("HTTP request")).page(request.uri().path(), || admin.status());
    let (code, body) = match page {
        Some(page) => (StatusCode::OK, page),
        None => (StatusCode::NOT_FOUND, String::new()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = code;
    response
}
