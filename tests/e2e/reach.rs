//! Connecting to a service that may not listen yet.
//! Only a refused connection is retried.

#![allow(dead_code, reason = "each test binary uses what it needs")]

use std::io::ErrorKind;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(1);

/// Connects as soon as a server listens at this address.
pub(crate) fn connect(to: &str) -> TcpStream {
    loop {
        match TcpStream::connect(to) {
            Ok(stream) => return stream,
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{to}: {error}"),
        }
        sleep(PAUSE);
    }
}

/// The same as [`connect`], for asynchronous code.
pub(crate) async fn reach(to: &str) -> tokio::net::TcpStream {
    loop {
        match tokio::net::TcpStream::connect(to).await {
            Ok(stream) => return stream,
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{to}: {error}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
