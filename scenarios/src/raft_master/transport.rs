//! The inbound side: listens for the peers' messages and hands them to raft. It also defines the frames of both
//! directions. It keeps no raft state, and a message that raft can no longer answer ends its connection.

use super::raft_cmd::{Raft, TypeConfig};
use crate::rt::net::{TcpListener, TcpStream};
use crate::rt::task::{self, JoinHandle, JoinSet};
use crate::rt::{select, sync::watch, time};
use openraft::error::RaftError;
use openraft::raft::{AppendEntriesRequest, InstallSnapshotRequest, VoteRequest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The largest message, as in upstream (1 MB). A larger length is refused before anything is allocated for it.
const MESSAGE_BYTES_MAX: u32 = 1 << 20;

/// The pause before the next accept when the system has no descriptor left for another connection.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A request from one master to another.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Message<A, S, V> {
    Append(A),
    Snapshot(S),
    Vote(V),
}

/// An outbound message.
pub(super) type Outgoing<'a> =
    Message<&'a AppendEntriesRequest<TypeConfig>, &'a InstallSnapshotRequest<TypeConfig>, &'a VoteRequest<u64>>;

type Incoming = Message<AppendEntriesRequest<TypeConfig>, InstallSnapshotRequest<TypeConfig>, VoteRequest<u64>>;

/// The listening side of one master's raft.
#[derive(Debug)]
pub(super) struct Transport {
    stop: watch::Sender<bool>,
    led: watch::Receiver<bool>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl Transport {
    /// Listens at `address` and answers until it is stopped.
    pub(super) async fn listen(address: &str, raft: Raft) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let (stop, stopped) = watch::channel(false);
        let (set_led, led) = watch::channel(false);
        let accepting = task::spawn(accept(listener, raft, set_led, stopped));
        Ok(Self { stop, led, accepting: Mutex::new(Some(accepting)) })
    }

    /// Becomes true once a leader's first message has been answered.
    pub(super) fn led(&self) -> watch::Receiver<bool> {
        self.led.clone()
    }

    /// Closes the listener and every connection, and returns when their tasks have ended.
    pub(super) async fn stop(&self) {
        self.stop.send_replace(true);
        let accepting = self.accepting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(accepting) = accepting {
            let _ = accepting.await;
        }
    }
}

async fn accept(listener: TcpListener, raft: Raft, led: watch::Sender<bool>, mut stopped: watch::Receiver<bool>) {
    let led = Arc::new(led);
    let mut connections = JoinSet::new();
    loop {
        select! {
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((connection, _)) => {
                    connections.spawn(serve(connection, raft.clone(), Arc::clone(&led)));
                }
                Err(_) => time::sleep(ACCEPT_AGAIN).await,
            },
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// Answers one peer until it disconnects or raft has no answer.
async fn serve(mut connection: TcpStream, raft: Raft, led: Arc<watch::Sender<bool>>) -> io::Result<()> {
    connection.set_nodelay(true)?;
    loop {
        let answer = match receive::<Incoming>(&mut connection).await? {
            Message::Append(rpc) => {
                let appended = raft.append_entries(rpc).await;
                led.send_if_modified(|led| !std::mem::replace(led, true));
                answer(appended)?
            }
            Message::Snapshot(rpc) => answer(raft.install_snapshot(rpc).await)?,
            Message::Vote(rpc) => answer(raft.vote(rpc).await)?,
        };
        connection.write_all(&answer).await?;
    }
}

/// The frame of raft's answer. A raft that has stopped gives none: its peers should see the connection end, as they
/// would a moment later anyway.
fn answer<T: Serialize, E: Serialize + std::error::Error>(answer: Result<T, RaftError<u64, E>>) -> io::Result<Vec<u8>> {
    match answer {
        Err(RaftError::Fatal(fatal)) => Err(io::Error::other(fatal)),
        answer => frame(&answer),
    }
}

/// One frame: the length of the JSON text in four bytes, big-endian, and the text.
pub(super) fn frame(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, value)?;
    match u32::try_from(frame.len() - 4) {
        Ok(length) if length <= MESSAGE_BYTES_MAX => frame[..4].copy_from_slice(&length.to_be_bytes()),
        _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is 1 MiB at most")),
    }
    Ok(frame)
}

/// Sends a frame and receives its answer.
pub(super) async fn exchange<A: DeserializeOwned>(connection: &mut TcpStream, frame: &[u8]) -> io::Result<A> {
    connection.write_all(frame).await?;
    receive(connection).await
}

async fn receive<T: DeserializeOwned>(connection: &mut TcpStream) -> io::Result<T> {
    let mut length = [0; 4];
    connection.read_exact(&mut length).await?;
    let length = u32::from_be_bytes(length);
    if length > MESSAGE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is 1 MiB at most"));
    }
    let mut text = vec![0; length as usize];
    connection.read_exact(&mut text).await?;
    Ok(serde_json::from_slice(&text)?)
}
