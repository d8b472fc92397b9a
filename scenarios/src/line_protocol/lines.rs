//! A connection on an async stream: sends and receives objects as lines.

use super::line::{Line, line_of};
use super::packet::{Answer, QueryError, Statement};
use crate::rt::net::TcpStream;
#[cfg(not(madsim))]
use crate::rt::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use serde::{Deserialize, Serialize};
use std::io;
#[cfg(not(madsim))]
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// madsim's streams have no owned halves.
#[cfg(madsim)]
type OwnedReadHalf = tokio::io::ReadHalf<TcpStream>;
#[cfg(madsim)]
type OwnedWriteHalf = tokio::io::WriteHalf<TcpStream>;

/// One end of a connection.
#[derive(Debug)]
pub struct Lines {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    line: Line,
}

impl Lines {
    /// Wraps an open stream.
    pub fn new(stream: TcpStream) -> Self {
        #[cfg(not(madsim))]
        let (reader, writer) = stream.into_split();
        #[cfg(madsim)]
        let (reader, writer) = tokio::io::split(stream);
        Self { reader: BufReader::new(reader), writer, line: Line::default() }
    }

    /// Connects to a server by name, `host:port`.
    ///
    /// # Errors
    /// The connection cannot be established.
    pub async fn connect(address: &str) -> io::Result<Self> {
        Ok(Self::new(TcpStream::connect(address).await?))
    }

    /// The peer's address.
    ///
    /// # Errors
    /// The connection is gone.
    #[cfg(not(madsim))]
    pub fn peer(&self) -> io::Result<SocketAddr> {
        self.writer.peer_addr()
    }

    /// Sends one object as one line.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn send<T: Serialize + Sync>(&mut self, object: &T) -> io::Result<()> {
        // madsim sends only after a flush. Elsewhere there is nothing to flush, and memory budgets account for this future's size.
        #[cfg(madsim)]
        {
            self.writer.write_all(&line_of(object)?).await?;
            self.writer.flush().await
        }
        #[cfg(not(madsim))]
        self.writer.write_all(&line_of(object)?).await
    }

    /// Receives the next object; `None` once the peer has finished. Dropping this future loses no part of a line.
    ///
    /// # Errors
    /// The connection is gone, or the line is too long, truncated, or not such an object.
    pub async fn receive<T: for<'de> Deserialize<'de>>(&mut self) -> io::Result<Option<T>> {
        loop {
            let Some((taken, object)) = self.line.take(self.reader.fill_buf().await?)? else { return Ok(None) };
            self.reader.consume(taken);
            if let Some(object) = object {
                return Ok(Some(object?));
            }
        }
    }

    /// Finishes sending, and waits until the peer has finished, too. Data that still arrives is discarded.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn finish(&mut self) -> io::Result<()> {
        self.writer.shutdown().await?;
        loop {
            let unread = self.reader.fill_buf().await?.len();
            if unread == 0 {
                return Ok(());
            }
            self.reader.consume(unread);
        }
    }

    /// Sends a statement and awaits its complete answer.
    ///
    /// # Errors
    /// The server fails to run it, or the connection is gone.
    pub async fn query(&mut self, id: Option<&str>, text: &str) -> Result<Answer, QueryError> {
        self.send(&Statement { id: id.map(str::to_owned), text: text.to_owned() }).await?;
        let mut answer = Answer::default();
        while !answer.add(self.receive().await?)? {}
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;
    use crate::line_protocol::packet::{Packet, QueryError, Statement};
    use tokio::net::TcpListener;

    #[test]
    fn a_statement_is_answered_over_a_socket() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let serve = async {
                let mut lines = Lines::new(listener.accept().await.unwrap().0);
                while let Some(statement) = lines.receive::<Statement>().await.unwrap() {
                    if statement.text == "bad" {
                        lines.send(&Packet::Failed("no such thing".to_owned())).await.unwrap();
                        continue;
                    }
                    for packet in [Packet::Progress(2), Packet::Row(vec![statement.text]), Packet::End] {
                        lines.send(&packet).await.unwrap();
                    }
                }
            };
            let ask = async {
                let mut lines = Lines::connect(&address).await.unwrap();
                let answer = lines.query(None, "select 1").await.unwrap();
                assert_eq!(answer.rows, [["select 1"]]);
                assert_eq!(answer.progress, 2);
                assert!(
                    matches!(lines.query(None, "bad").await, Err(QueryError::Failed(why)) if why == "no such thing")
                );
            };
            tokio::join!(serve, ask);
        });
    }
}
