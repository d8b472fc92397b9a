//! The text protocol that query front ends of the room speak: one JSON object a line, a statement there, rows back.
//! It stands where upstream has MySQL's protocol; it knows no system, and holds no state but a connection's.

pub mod blocking;

use crate::rt::net::TcpStream;
#[cfg(not(madsim))]
use crate::rt::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use serde::{Deserialize, Serialize};
use std::io;
#[cfg(not(madsim))]
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// The longest line that is read, in bytes; a longer one is an error, not memory.
pub const LINE_MAX: usize = 1 << 20;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The query's id, where the client chooses it; the server chooses one otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The statement's text.
    pub text: String,
}

/// What a server says on the way to an answer. `End` and `Failed` are the last of one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packet {
    /// So many more rows have been read for this statement.
    Progress(u64),
    /// One row.
    Row(Vec<String>),
    /// The answer is whole.
    End,
    /// There is no answer, and why.
    Failed(String),
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its rows, in the order in which they came.
    pub rows: Vec<Vec<String>>,
    /// The rows that the server said it had read.
    pub progress: u64,
}

/// Why a statement has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The server refused it or failed at it.
    #[error("the server answered: {0}")]
    Failed(String),
    /// The connection ended, or carried what is no packet.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// madsim's streams have no halves of their own.
#[cfg(madsim)]
type OwnedReadHalf = tokio::io::ReadHalf<TcpStream>;
#[cfg(madsim)]
type OwnedWriteHalf = tokio::io::WriteHalf<TcpStream>;

/// One end of a connection: lines out, lines in.
#[derive(Debug)]
pub struct Lines {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    line: Line,
}

impl Answer {
    /// Takes the next packet of an answer in; whether it was the last.
    fn take(&mut self, packet: Option<Packet>) -> Result<bool, QueryError> {
        match packet {
            Some(Packet::Progress(rows)) => self.progress += rows,
            Some(Packet::Row(row)) => self.rows.push(row),
            Some(Packet::End) => return Ok(true),
            Some(Packet::Failed(why)) => return Err(QueryError::Failed(why)),
            None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
        Ok(false)
    }
}

/// What a whole line is: an object, or none of these.
type Whole<T> = Result<T, serde_json::Error>;

/// The line that is being received: what came of it so far.
#[derive(Debug, Default)]
struct Line(Vec<u8>);

impl Line {
    /// Takes of what was seen what belongs to this line: how many bytes those were, and what the line is if it is whole. Nothing
    /// seen is the end of the connection, and `None`.
    fn take<T: for<'de> Deserialize<'de>>(&mut self, seen: &[u8]) -> io::Result<Option<(usize, Option<Whole<T>>)>> {
        if seen.is_empty() {
            return if self.0.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        let end = seen.iter().position(|&byte| byte == b'\n');
        let taken = end.map_or(seen.len(), |at| at + 1);
        self.0.extend_from_slice(&seen[..taken]);
        if self.0.len() > LINE_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"));
        }
        let object = end.map(|_| serde_json::from_slice(&self.0));
        if object.is_some() {
            self.0.clear();
        }
        Ok(Some((taken, object)))
    }
}

/// An object as the line that carries it.
fn line_of<T: Serialize>(object: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(object)?;
    line.push(b'\n');
    Ok(line)
}

impl Lines {
    /// Speaks over an open stream.
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
    /// What connecting gives.
    pub async fn connect(address: &str) -> io::Result<Self> {
        Ok(Self::new(TcpStream::connect(address).await?))
    }

    /// The other end.
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
        // madsim sends what is flushed. Elsewhere there is nothing to flush, and the future is one that a budget was set for.
        #[cfg(madsim)]
        {
            self.writer.write_all(&line_of(object)?).await?;
            self.writer.flush().await
        }
        #[cfg(not(madsim))]
        self.writer.write_all(&line_of(object)?).await
    }

    /// Receives the next object; `None` where the other end has said all. A line survives that this future is dropped.
    ///
    /// # Errors
    /// The connection is gone, or the line is too long, cut off, or none of these objects.
    pub async fn receive<T: for<'de> Deserialize<'de>>(&mut self) -> io::Result<Option<T>> {
        loop {
            let Some((taken, object)) = self.line.take(self.reader.fill_buf().await?)? else { return Ok(None) };
            self.reader.consume(taken);
            if let Some(object) = object {
                return Ok(Some(object?));
            }
        }
    }

    /// Says that this end has said all, and waits until the other one has, too; what still comes is not read.
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

    /// Asks a statement and awaits its whole answer.
    ///
    /// # Errors
    /// The server failed at it, or the connection is gone.
    pub async fn query(&mut self, id: Option<&str>, text: &str) -> Result<Answer, QueryError> {
        self.send(&Statement { id: id.map(str::to_owned), text: text.to_owned() }).await?;
        let mut answer = Answer::default();
        while !answer.take(self.receive().await?)? {}
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, Packet, QueryError, Statement};
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
