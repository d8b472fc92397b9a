//! A connection on a blocking stream of std's, for plain threads.
//! A receive blocks as long as the socket does; set a read timeout to bound it.

use super::line::{Line, line_of};
use super::packet::{Answer, Packet, QueryError, Statement};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// One end of a connection.
#[derive(Debug)]
pub struct Lines {
    reader: BufReader<TcpStream>,
    line: Line,
}

impl Lines {
    /// Wraps an open stream.
    pub fn new(stream: TcpStream) -> Self {
        Self { reader: BufReader::new(stream), line: Line::default() }
    }

    /// Connects to a server by name, `host:port`, within this time.
    ///
    /// # Errors
    /// The name does not resolve, or the connection cannot be established.
    pub fn connect(address: &str, within: Duration) -> io::Result<Self> {
        let address = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
        let stream = TcpStream::connect_timeout(&address, within)?;
        stream.set_nodelay(true)?;
        Ok(Self::new(stream))
    }

    /// The underlying stream.
    pub fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    /// Sends one object as one line.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn send<T: Serialize>(&mut self, object: &T) -> io::Result<()> {
        self.reader.get_mut().write_all(&line_of(object)?)
    }

    /// Receives the next object; `None` once the peer has finished. A read timeout loses no part of a line.
    ///
    /// # Errors
    /// The time is up, the connection is gone, or the line is too long, truncated, or not such an object.
    pub fn receive<T: for<'de> Deserialize<'de>>(&mut self) -> io::Result<Option<T>> {
        loop {
            let Some((taken, object)) = self.line.take(self.reader.fill_buf()?)? else { return Ok(None) };
            self.reader.consume(taken);
            if let Some(object) = object {
                return Ok(Some(object?));
            }
        }
    }

    /// Sends a statement and waits for its complete answer. `within` bounds the wait for each packet.
    ///
    /// # Errors
    /// The server fails to run it, the time is up, or the connection is gone.
    pub fn query(&mut self, text: &str, within: Duration) -> Result<Answer, QueryError> {
        self.stream().set_read_timeout(Some(within))?;
        self.send(&Statement { id: None, text: text.to_owned() })?;
        let mut answer = Answer::default();
        while !answer.add(self.receive()?)? {}
        Ok(answer)
    }

    /// Sends a complete answer: its rows, or the reason that there are none.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn answer(&mut self, answer: Result<Vec<Vec<String>>, String>) -> io::Result<()> {
        match answer {
            Ok(rows) => {
                for row in rows {
                    self.send(&Packet::Row(row))?;
                }
                self.send(&Packet::End)
            }
            Err(why) => self.send(&Packet::Failed(why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, Packet, QueryError, Statement};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_timeout_between_two_statements_loses_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let mut lines = Lines::new(listener.accept().unwrap().0);
            while let Some(statement) = lines.receive::<Statement>().unwrap() {
                match statement.text.as_str() {
                    "bad" => lines.answer(Err("no such thing".to_owned())).unwrap(),
                    text => lines.answer(Ok(vec![vec![text.to_owned()]])).unwrap(),
                }
            }
        });
        let mut lines = Lines::connect(&address, LONG).unwrap();
        assert_eq!(lines.query("select 1", LONG).unwrap().rows, [["select 1"]]);
        assert!(matches!(lines.query("bad", LONG), Err(QueryError::Failed(why)) if why == "no such thing"));
        lines.stream().set_read_timeout(Some(SHORT)).unwrap();
        assert!(lines.receive::<Packet>().is_err());
        assert_eq!(lines.query("select 2", LONG).unwrap().rows, [["select 2"]]);
        drop(lines);
        server.join().unwrap();
    }
}
