//! Connecting to a service that may not have begun to listen.
//! It tries again after a refusal, and only then.

#![allow(dead_code, reason = "each test binary uses what it needs")]

use std::io::ErrorKind;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(1);

/// Connects as soon as somebody listens there.
pub(crate) fn connect(to: &str) -> TcpStream {
    loop {
        match TcpStream::connect(to) {
            Ok(stream) => return stream,
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{to}: {error}"),
        }
        sleep(PAUSE);
    }
}

/// As [`connect`], without blocking the thread.
pub(crate) async fn reach(to: &str) -> tokio::net::TcpStream {
    loop {
        match tokio::net::TcpStream::connect(to).await {
            Ok(stream) => return stream,
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{to}: {error}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
