//! A database server as a proxy sees one: it answers statements, pings, and who of its group takes writes.
//! It stores nothing. In a room with real servers behind the proxy nobody needs it.

use crate::line_protocol::{Lines, Packet, Statement};
use crate::rt::net::TcpListener;
use crate::rt::spawn;
use std::io;

/// Serves at this address, as a member of a group in which `writer` takes the writes.
///
/// # Errors
/// If it cannot listen there.
pub async fn run_backend(listen: &str, writer: &str) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let writer = writer.to_owned();
        spawn(async move {
            let mut client = Lines::new(stream);
            while let Ok(Some(statement)) = client.receive::<Statement>().await {
                let row = match statement.text {
                    text if text.contains("replication_group_members") => writer.clone(),
                    text => text,
                };
                for packet in [Packet::Row(vec![row]), Packet::End] {
                    if client.send(&packet).await.is_err() {
                        return;
                    }
                }
            }
        });
    }
}
