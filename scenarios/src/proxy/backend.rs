//! A database server as a proxy sees one: it answers statements, pings, and who of its group takes writes.
//! It stores nothing. In a room with real servers behind the proxy nobody needs it.

use crate::line_protocol::{Lines, Packet, Statement};
use crate::rt::net::TcpListener;
use crate::rt::spawn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What names another member of the group as the one that takes the writes.
const SET_PRIMARY: &str = "SET PRIMARY ";

/// Serves at this address, as a member of a group in which `writer` takes the writes, until `SET PRIMARY` names another.
///
/// # Errors
/// If it cannot listen there.
pub async fn run_backend(listen: &str, writer: &str) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    let writer = Arc::new(Mutex::new(writer.to_owned()));
    loop {
        let (stream, _) = listener.accept().await?;
        let writer = Arc::clone(&writer);
        spawn(async move {
            let mut client = Lines::new(stream);
            while let Ok(Some(statement)) = client.receive::<Statement>().await {
                let row = match statement.text {
                    text if text.contains("replication_group_members") => lock(&writer).clone(),
                    text if text.starts_with(SET_PRIMARY) => {
                        text[SET_PRIMARY.len()..].clone_into(&mut lock(&writer));
                        text
                    }
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

fn lock(writer: &Mutex<String>) -> MutexGuard<'_, String> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}
