//! A stand-in for a database server behind the proxy: answers statements and pings, and names the writer of its group.
//! It stores nothing. Scenarios with real servers behind the proxy do not use it.

use crate::line_protocol::{Lines, Packet, Statement};
use crate::rt::net::TcpListener;
use crate::rt::spawn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The statement that makes another member of the group the writer.
const SET_PRIMARY: &str = "SET PRIMARY ";

/// Serves at an address, as a member of a group whose writer is `writer` until `SET PRIMARY` names another.
///
/// # Errors
/// The address cannot be listened on.
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
