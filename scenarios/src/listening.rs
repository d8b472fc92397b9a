//! A listener for axum, on whichever network the scenarios are built for: axum knows tokio's alone.
//! It serves nothing itself.

use crate::rt::net::{TcpListener, TcpStream};
use crate::rt::time;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

/// Accepts as axum does on tokio's own.
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
                    // As when no descriptor is left: some connection may end meanwhile.
                    _ => time::sleep(Duration::from_secs(1)).await,
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
