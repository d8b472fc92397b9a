//! Byte channels inside a node: pipes and socket pairs.
//! They have no latency and survive nothing: they end with their process.

use crate::event::{NodeId, Seq};
use crate::kernel::dispatch::Kernel;
use crate::kernel::net::bytes::Bytes;
use crate::kernel::process::fd::description::{DescriptionId, Kind};
use crate::kernel::process::fd::poll::{ERR, HUP, IN, OUT, RDHUP};

/// What Linux gives a pipe.
const CAPACITY_BYTES: usize = 64 * 1024;

/// One end of a channel: it reads from one stream and writes to the other; a pipe's ends have one each.
pub(crate) struct End {
    pub(crate) reads: Option<u32>,
    pub(crate) writes: Option<u32>,
}

/// One direction.
#[derive(Default)]
struct Stream {
    bytes: Bytes,
    reader: Option<DescriptionId>,
    writer: Option<DescriptionId>,
}

/// Every stream of every pipe and pair.
#[derive(Default)]
pub(crate) struct Pipes {
    streams: Vec<Stream>,
}

impl Pipes {
    /// A new stream with no ends yet.
    pub(crate) fn stream(&mut self) -> u32 {
        self.streams.push(Stream::default());
        self.streams.len() as u32 - 1
    }

    /// Says whose end a description is.
    pub(crate) fn attach(&mut self, end: &End, id: DescriptionId) {
        if let Some(index) = end.reads {
            self.streams[index as usize].reader = Some(id);
        }
        if let Some(index) = end.writes {
            self.streams[index as usize].writer = Some(id);
        }
    }

    /// Takes an end away; returns who is to be told.
    pub(crate) fn detach(&mut self, end: &End) -> Vec<DescriptionId> {
        let mut told = Vec::new();
        if let Some(index) = end.reads {
            let stream = &mut self.streams[index as usize];
            stream.reader = None;
            told.extend(stream.writer);
        }
        if let Some(index) = end.writes {
            let stream = &mut self.streams[index as usize];
            stream.writer = None;
            told.extend(stream.reader);
        }
        told
    }

    /// `shutdown`: this end reads no more, or writes no more; returns who is to be told.
    pub(crate) fn shut(&mut self, end: &End, reads: bool, writes: bool) -> Vec<DescriptionId> {
        let half = |index: Option<u32>, shut: bool| index.filter(|_| shut);
        self.detach(&End { reads: half(end.reads, reads), writes: half(end.writes, writes) })
    }

    pub(crate) fn readiness(&self, end: &End) -> u32 {
        let mut ready = 0;
        if let Some(index) = end.reads {
            let stream = &self.streams[index as usize];
            if !stream.bytes.is_empty() {
                ready |= IN;
            }
            if stream.writer.is_none() {
                ready |= IN | RDHUP | if end.writes.is_none() { HUP } else { 0 };
            }
        }
        if let Some(index) = end.writes {
            let stream = &self.streams[index as usize];
            if stream.reader.is_none() {
                ready |= OUT | ERR;
            } else if stream.bytes.len() < CAPACITY_BYTES {
                ready |= OUT;
            }
        }
        ready
    }

    /// Bytes that arrived at an end and were not read.
    pub(crate) fn unread_bytes(&self, end: &End) -> u64 {
        end.reads.map_or(0, |index| self.streams[index as usize].bytes.len() as u64)
    }

    /// Reads; returns the count and who can now write. `Err(EAGAIN)` when there is nothing yet.
    pub(crate) fn read(
        &mut self,
        end: &End,
        into: &mut [u8],
        peek: bool,
    ) -> Result<(usize, Option<DescriptionId>), i32> {
        let stream = &mut self.streams[end.reads.ok_or(libc::EBADF)? as usize];
        if stream.reader.is_none() {
            return Ok((0, None)); // it reads no more
        }
        if stream.bytes.is_empty() {
            return if stream.writer.is_none() { Ok((0, None)) } else { Err(libc::EAGAIN) };
        }
        Ok((stream.bytes.take(into, peek), stream.writer))
    }

    /// Writes; returns the count and who can now read. `Err(EAGAIN)` when there is no room.
    pub(crate) fn write(&mut self, end: &End, from: &[u8]) -> Result<(usize, Option<DescriptionId>), i32> {
        let stream = &mut self.streams[end.writes.ok_or(libc::EBADF)? as usize];
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

impl Kernel {
    /// `shutdown` of a stream socket of a node.
    pub(crate) fn shut_channel(&mut self, id: DescriptionId, how: i32) {
        let Some(Kind::Pipe(end)) = self.process.descriptions.get(id).map(|it| &it.kind) else { return };
        let (reads, writes) = (how != libc::SHUT_WR, how != libc::SHUT_RD);
        for told in self.net.pipes.shut(end, reads, writes).into_iter().chain([id]) {
            self.notify(told, IN | OUT | RDHUP, Seq::NONE);
        }
    }

    /// A pipe, or a pair whose ends both read and write: its two descriptions, which have no number yet.
    pub(crate) fn add_channel(
        &mut self,
        node: NodeId,
        both_ways: bool,
        nonblocking: bool,
    ) -> (DescriptionId, DescriptionId) {
        let there = self.net.pipes.stream();
        let back = both_ways.then(|| self.net.pipes.stream());
        let mut end = |reads, writes| {
            let id = self.process.descriptions.add(node, nonblocking, Kind::Pipe(End { reads, writes }));
            self.net.pipes.attach(&End { reads, writes }, id);
            id
        };
        (end(Some(there), back), end(back, Some(there)))
    }
}
