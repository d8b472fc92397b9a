//! The compression of a record: frames of zstd (RFC 8878), one after another, in Rust alone, so that a test needs no C compiler.
//! It has no checksum: the lines have one of their own.

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::io::{self, BufRead, ErrorKind, Read, Write};

/// The first bytes of a frame: RFC 8878, section 3.1.1.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The largest window of a frame: the decompressor takes so much memory. Writing takes 128 KiB.
const WINDOW_BYTES_MAX: u64 = 1 << 24;

/// The most bytes in one frame. A frame repeats nothing of the one before, and no match is farther away than 128 KiB.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// Compresses what is written to it.
pub(super) struct Compressor<W: Write> {
    to: W,
    pending: Vec<u8>,
}

impl<W: Write> Compressor<W> {
    /// A compressor that writes frames to `to`.
    pub(super) fn new(to: W) -> Self {
        Self { to, pending: Vec::new() }
    }

    /// Ends the frame.
    fn end_frame(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let frame = compress_to_vec(&*self.pending, CompressionLevel::Fastest);
        self.pending.clear();
        self.to.write_all(&frame)
    }

    /// Writes the last frame and returns the destination.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.end_frame()?;
        Ok(self.to)
    }
}

impl<W: Write> Write for Compressor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= FRAME_BYTES_MAX {
            self.end_frame()?;
        }
        Ok(bytes.len())
    }

    /// Ends the frame, so that everything up to here can be read even if the rest is lost.
    fn flush(&mut self) -> io::Result<()> {
        self.end_frame()?;
        self.to.flush()
    }
}

/// Reads the text of frames. It fails with `UnexpectedEof` if the last one is incomplete.
pub(super) struct Decompressor<R> {
    from: Watched<R>,
    frame: FrameDecoder,
    /// True after the header of a frame.
    begun: bool,
}

impl<R: BufRead> Decompressor<R> {
    /// A reader of the frames in `from`.
    pub(super) fn new(from: R) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(WINDOW_BYTES_MAX);
        Self { from: Watched { from, has_ended: false }, frame, begun: false }
    }

    /// An error of the decompressor, which names none for a stream that ends early.
    fn failed(&self, error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
        if self.from.has_ended { ErrorKind::UnexpectedEof.into() } else { io::Error::other(error) }
    }
}

impl<R: BufRead> Read for Decompressor<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.begun && self.frame.can_collect() > 0 {
                return self.frame.read(to);
            }
            if self.begun && !self.frame.is_finished() {
                let decoded = self.frame.decode_blocks(&mut self.from, BlockDecodingStrategy::UptoBlocks(1));
                decoded.map_err(|error| self.failed(error))?;
                continue;
            }
            if self.from.from.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.begun = false;
            self.frame.reset(&mut self.from).map_err(|error| self.failed(error))?;
            self.begun = true;
        }
    }
}

/// A source that remembers whether its end was read.
struct Watched<R> {
    from: R,
    has_ended: bool,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let bytes = self.from.read(to)?;
        self.has_ended |= bytes == 0 && !to.is_empty();
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text of several frames, with a flush in its first line.
    fn text() -> Vec<u8> {
        let line =
            |number: u64| format!("{{\"seq\":{number},\"time_ns\":{}}}\n", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        (0..60_000).map(line).collect::<String>().into_bytes()
    }

    fn compressed(text: &[u8]) -> Vec<u8> {
        let mut compressor = Compressor::new(Vec::new());
        let (first, rest) = text.split_at(text.len().min(20));
        compressor.write_all(first).and_then(|()| compressor.flush()).expect("a vector takes every byte");
        rest.chunks(37).try_for_each(|chunk| compressor.write_all(chunk)).expect("a vector takes every byte");
        compressor.finish().expect("a vector takes every byte")
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        Decompressor::new(bytes).read_to_end(&mut text).map(|_| text)
    }

    #[test]
    fn the_reference_reads_what_was_written_and_is_read() {
        for text in [text(), b"one line\n".to_vec()] {
            let bytes = compressed(&text);
            assert!(read(&bytes).expect("it is whole") == text);
            assert!(zstd::decode_all(&*bytes).expect("it is whole") == text);
            for level in [1, 9, 19] {
                let bytes = zstd::encode_all(&*text, level).expect("a vector takes every byte");
                assert!(read(&bytes).expect("it is whole") == text, "level {level}");
            }
        }
    }

    #[test]
    fn a_stream_that_ends_early_is_told_from_a_damaged_one() {
        let bytes = compressed(&text());
        for end in [3, 5, 30, bytes.len() / 2, bytes.len() - 1] {
            assert_eq!(read(&bytes[..end]).expect_err("it is cut").kind(), ErrorKind::UnexpectedEof, "{end}");
        }
        // A window of 32 MiB.
        let large = [&MAGIC[..], &[0, 15 << 3], &[1, 0, 0]].concat();
        assert_eq!(read(&large).expect_err("it is too large").kind(), ErrorKind::Other);
        assert_eq!(read(b"{\"format\":1}").expect_err("it is no frame").kind(), ErrorKind::Other);
    }
}
