//! A listener for axum on whichever network the scenarios are built for; axum itself supports only tokio's.
//! It serves nothing.

use crate::rt::net::{TcpListener, TcpStream};
use crate::rt::time;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

/// Accepts as axum does on tokio's own listener.
pub(crate) struct Listening(pub(crate) TcpListener);

impl axum::serve::Listener for Listening {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => match error.kind() {
                    ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => {}
                    // For example, out of descriptors: wait for other connections to end.
                    _ => time::sleep(Duration::from_secs(1)).await,
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
