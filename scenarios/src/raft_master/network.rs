//! The outbound side: openraft's network over TCP, with one connection to each peer that is reused from message to
//! message. It does not retry: openraft does, after a pause.

use super::raft_cmd::TypeConfig;
use super::transport::{self, Message, Outgoing};
use crate::rt::{net::TcpStream, time};
use openraft::BasicNode;
use openraft::error::{InstallSnapshotError, NetworkError, RPCError, RaftError, RemoteError, Unreachable};
use openraft::network::{Backoff, RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse, VoteRequest,
    VoteResponse,
};
use serde::de::DeserializeOwned;
use std::io;
use std::time::Duration;

/// The time for which openraft leaves an unreachable peer alone.
const PAUSE: Duration = Duration::from_millis(250);

/// Creates the connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerNetwork;

impl RaftNetworkFactory<TypeConfig> for PeerNetwork {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, node: &BasicNode) -> Peer {
        Peer { id: target, address: node.addr.clone(), connection: None }
    }
}

/// One peer, and the connection to it, if there is one.
#[derive(Debug)]
pub(super) struct Peer {
    id: u64,
    address: String,
    connection: Option<TcpStream>,
}

type Failed<E> = RPCError<u64, BasicNode, RaftError<u64, E>>;

impl Peer {
    /// Sends one message and waits for its answer for at most `limit`.
    async fn call<R, E>(&mut self, message: &Outgoing<'_>, limit: Duration) -> Result<R, Failed<E>>
    where
        R: DeserializeOwned,
        E: DeserializeOwned + std::error::Error,
    {
        let frame = transport::frame(message).map_err(|error| RPCError::Network(NetworkError::new(&error)))?;
        let answer: Result<R, RaftError<u64, E>> = match time::timeout(limit, self.exchange(&frame)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(RPCError::Unreachable(Unreachable::new(&error))),
            Err(late) => return Err(RPCError::Network(NetworkError::new(&late))),
        };
        answer.map_err(|error| RPCError::RemoteError(RemoteError::new(self.id, error)))
    }

    /// Exchanges a frame over the existing connection, or else over a new one. The connection is kept only if the
    /// exchange was complete: an abandoned one would hand its answer to the next message.
    async fn exchange<A: DeserializeOwned>(&mut self, frame: &[u8]) -> io::Result<A> {
        if let Some(mut connection) = self.connection.take() {
            // A failure means only that the peer has restarted since.
            if let Ok(answer) = transport::exchange(&mut connection, frame).await {
                self.connection = Some(connection);
                return Ok(answer);
            }
        }
        let mut connection = TcpStream::connect(self.address.as_str()).await?;
        connection.set_nodelay(true)?;
        let answer = transport::exchange(&mut connection, frame).await?;
        self.connection = Some(connection);
        Ok(answer)
    }
}

impl RaftNetwork<TypeConfig> for Peer {
    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, RPCError<u64, BasicNode, RaftError<u64>>> {
        self.call(&Message::Append(&rpc), option.hard_ttl()).await
    }

    async fn install_snapshot(
        &mut self,
        rpc: InstallSnapshotRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, RPCError<u64, BasicNode, RaftError<u64, InstallSnapshotError>>> {
        self.call(&Message::Snapshot(&rpc), option.hard_ttl()).await
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<u64>,
        option: RPCOption,
    ) -> Result<VoteResponse<u64>, RPCError<u64, BasicNode, RaftError<u64>>> {
        self.call(&Message::Vote(&rpc), option.hard_ttl()).await
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(PAUSE))
    }
}
