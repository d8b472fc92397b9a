//! The byte streams of pipes and connected Unix sockets, inside one node.
//! They take no time, and end with their process.

use crate::kernel::Errno;
use crate::kernel::net::bytes::Bytes;
use crate::kernel::process::fd::id::DescriptionId;
use crate::kernel::process::fd::readiness::{ERR, HUP, IN, OUT, RDHUP};
use crate::kernel::sink::Sink;

/// Linux's default capacity of a pipe.
const CAPACITY_BYTES: usize = 64 * 1024;

/// An end of a channel: the stream that it reads from, and the one that it writes to. An end of a pipe has only one.
pub(crate) struct PipeEnd {
    reads: Option<StreamId>,
    writes: Option<StreamId>,
}

#[derive(Clone, Copy)]
struct StreamId(u32);

/// One direction.
#[derive(Default)]
struct Stream {
    bytes: Bytes,
    reader: Option<DescriptionId>,
    writer: Option<DescriptionId>,
}

/// Every stream.
#[derive(Default)]
pub(crate) struct Pipes {
    streams: Vec<Stream>,
}

impl PipeEnd {
    pub(crate) fn is_reader(&self) -> bool {
        self.reads.is_some()
    }

    pub(crate) fn is_writer(&self) -> bool {
        self.writes.is_some()
    }

    /// Returns whether it is an end of a socket, which reads and writes.
    pub(crate) fn is_socket(&self) -> bool {
        self.is_reader() && self.is_writer()
    }
}

impl Pipes {
    fn stream(&mut self) -> StreamId {
        self.streams.push(Stream::default());
        StreamId(self.streams.len() as u32 - 1)
    }

    /// A new pipe: the end that reads, and the end that writes.
    pub(super) fn pipe(&mut self) -> (PipeEnd, PipeEnd) {
        let stream = self.stream();
        (PipeEnd { reads: Some(stream), writes: None }, PipeEnd { reads: None, writes: Some(stream) })
    }

    /// A new pair of connected ends.
    pub(super) fn pair(&mut self) -> (PipeEnd, PipeEnd) {
        let (there, back) = (self.stream(), self.stream());
        (PipeEnd { reads: Some(there), writes: Some(back) }, PipeEnd { reads: Some(back), writes: Some(there) })
    }

    /// Sets the description of an end.
    pub(super) fn attach(&mut self, end: &PipeEnd, id: DescriptionId) {
        if let Some(StreamId(index)) = end.reads {
            self.streams[index as usize].reader = Some(id);
        }
        if let Some(StreamId(index)) = end.writes {
            self.streams[index as usize].writer = Some(id);
        }
    }

    /// Closes both directions of an end. Returns the descriptions to notify.
    pub(super) fn detach(&mut self, end: &PipeEnd) -> Vec<DescriptionId> {
        self.shut(end, true, true)
    }

    /// `shutdown` of the reading direction, the writing one, or both. Returns the descriptions to notify.
    pub(super) fn shut(&mut self, end: &PipeEnd, reads: bool, writes: bool) -> Vec<DescriptionId> {
        let mut others = Vec::new();
        if let Some(StreamId(index)) = end.reads.filter(|_| reads) {
            let stream = &mut self.streams[index as usize];
            stream.reader = None;
            others.extend(stream.writer);
        }
        if let Some(StreamId(index)) = end.writes.filter(|_| writes) {
            let stream = &mut self.streams[index as usize];
            stream.writer = None;
            others.extend(stream.reader);
        }
        others
    }

    #[inline]
    pub(super) fn readiness(&self, end: &PipeEnd) -> u32 {
        let mut ready = 0;
        let is_socket = end.reads.is_some() && end.writes.is_some();
        if let Some(StreamId(index)) = end.reads {
            let stream = &self.streams[index as usize];
            if !stream.bytes.is_empty() {
                ready |= IN;
            }
            if stream.writer.is_none() {
                ready |= if is_socket { IN | RDHUP } else { HUP };
            }
        }
        if let Some(StreamId(index)) = end.writes {
            let stream = &self.streams[index as usize];
            if stream.reader.is_none() {
                let is_closed = end.reads.is_some_and(|StreamId(own)| self.streams[own as usize].writer.is_none());
                ready |= match (is_socket, is_closed) {
                    (false, _) => OUT | ERR,
                    (true, true) => OUT | HUP,
                    (true, false) => OUT,
                };
            } else if stream.bytes.len() < CAPACITY_BYTES {
                ready |= OUT;
            }
        }
        ready
    }

    /// The number of bytes that an end can read.
    pub(super) fn unread_bytes(&self, end: &PipeEnd) -> usize {
        // A pipe shows the same number at both ends.
        end.reads.or(end.writes).map_or(0, |StreamId(index)| self.streams[index as usize].bytes.len())
    }

    /// Reads. Returns the count and the writer that now has room, or `EAGAIN` while nothing is there.
    #[inline]
    pub(super) fn read(
        &mut self,
        end: &PipeEnd,
        into: &mut dyn Sink,
        peek: bool,
    ) -> Result<(usize, Option<DescriptionId>), Errno> {
        let StreamId(index) = end.reads.ok_or(libc::EBADF)?;
        let stream = &mut self.streams[index as usize];
        if stream.reader.is_none() {
            return Ok((0, None)); // after `shutdown`
        }
        if stream.bytes.is_empty() {
            return if stream.writer.is_none() { Ok((0, None)) } else { Err(libc::EAGAIN) };
        }
        Ok((stream.bytes.take(into, peek), stream.writer))
    }

    /// Writes. Returns the count and the reader, or `EAGAIN` while there is no room.
    #[inline]
    pub(super) fn write(&mut self, end: &PipeEnd, from: &[u8]) -> Result<(usize, Option<DescriptionId>), Errno> {
        let StreamId(index) = end.writes.ok_or(libc::EBADF)?;
        let stream = &mut self.streams[index as usize];
        if stream.reader.is_none() || stream.writer.is_none() {
            return Err(libc::EPIPE);
        }
        let room = CAPACITY_BYTES.saturating_sub(stream.bytes.len());
        if room == 0 && !from.is_empty() {
            return Err(libc::EAGAIN);
        }
        let count = room.min(from.len());
        stream.bytes.push(from[..count].to_vec());
        Ok((count, stream.reader))
    }
}
