//! Frames: the messages of the stream between a campaign and a runner, each with its kind and its length.
//! It does not know how a payload is encoded.

use std::io::{self, ErrorKind, Read, Write};

/// One byte for the kind, four for the length.
pub(super) const HEADER_BYTES: usize = 5;

/// A kind of frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// From the runner, first: its protocol and its build.
    Hello,
    /// From the campaign: a run to carry out.
    Request,
    /// From the runner: the next piece of a child's answer.
    Piece,
    /// From the runner, last: the end of the child.
    End,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Hello, Self::Request, Self::Piece, Self::End];

    /// The byte that encodes it. None is a letter, so text is never a frame.
    const fn byte(self) -> u8 {
        match self {
            Self::Hello => 0xa0,
            Self::Request => 0xa1,
            Self::Piece => 0xa2,
            Self::End => 0xa3,
        }
    }
}

/// The reason why no frame can be received.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// The stream ended between two frames.
    #[error("the stream ended")]
    Ended,
    /// The stream ended within a frame.
    #[error("the stream ended {missing} bytes before the end of a frame")]
    Truncated {
        /// The number of bytes that are missing.
        missing: usize,
    },
    /// The bytes are not a frame.
    #[error("a frame begins with the byte {0:#04x}")]
    Foreign(u8),
    /// The frame is longer than any that the receiver expects.
    #[error("a frame has {0} bytes")]
    TooLong(usize),
    /// The read failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Sends a frame through a buffer with space for its header, so that nothing is allocated and one call writes it.
pub(super) fn send(buffer: &mut [u8], mut to: impl Write, kind: Kind, payload: &[u8]) -> io::Result<()> {
    let bytes = HEADER_BYTES + payload.len();
    let Some(frame) = buffer.get_mut(..bytes) else {
        return Err(io::Error::new(ErrorKind::InvalidInput, format!("a frame of {bytes} bytes")));
    };
    frame[0] = kind.byte();
    frame[1..HEADER_BYTES].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    frame[HEADER_BYTES..].copy_from_slice(payload);
    to.write_all(frame)
}

/// Receives the header of a frame of at most `bytes_max` bytes: its kind and its length.
pub(super) fn receive_header(mut from: impl Read, bytes_max: usize) -> Result<(Kind, usize), FrameError> {
    let mut header = [0; HEADER_BYTES];
    match fill(&mut from, &mut header)? {
        0 => return Err(FrameError::Ended),
        HEADER_BYTES => {}
        // One byte is enough to tell that this is not a frame.
        _ if Kind::ALL.iter().all(|kind| kind.byte() != header[0]) => return Err(FrameError::Foreign(header[0])),
        got => return Err(FrameError::Truncated { missing: HEADER_BYTES - got }),
    }
    let [first, length @ ..] = header;
    let kind = Kind::ALL.into_iter().find(|kind| kind.byte() == first).ok_or(FrameError::Foreign(first))?;
    match u32::from_le_bytes(length) as usize {
        length if length > bytes_max => Err(FrameError::TooLong(length)),
        length => Ok((kind, length)),
    }
}

/// Receives the payload that follows a header.
pub(super) fn receive_payload(mut from: impl Read, payload: &mut [u8]) -> Result<(), FrameError> {
    match payload.len() - fill(&mut from, payload)? {
        0 => Ok(()),
        missing => Err(FrameError::Truncated { missing }),
    }
}

/// Reads until the buffer is full or the stream ends; returns the number of bytes.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match from.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(frames: &[(Kind, &[u8])]) -> Vec<u8> {
        let mut stream = Vec::new();
        for (kind, payload) in frames {
            send(&mut [0; 64], &mut stream, *kind, payload).expect("a vector takes every byte");
        }
        stream
    }

    fn received(from: &mut &[u8]) -> Result<(Kind, Vec<u8>), FrameError> {
        let (kind, length) = receive_header(&mut *from, 100)?;
        let mut payload = vec![0; length];
        receive_payload(from, &mut payload)?;
        Ok((kind, payload))
    }

    #[test]
    fn frames_are_received_as_they_were_sent() {
        let stream = sent(&[(Kind::Request, b"one"), (Kind::Piece, b""), (Kind::End, &[0xff; 9])]);
        let from = &mut stream.as_slice();
        assert_eq!(received(from).expect("the first frame is whole"), (Kind::Request, b"one".to_vec()));
        assert_eq!(received(from).expect("the second frame is whole"), (Kind::Piece, Vec::new()));
        assert_eq!(received(from).expect("the third frame is whole"), (Kind::End, vec![0xff; 9]));
        assert!(matches!(received(from), Err(FrameError::Ended)));
    }

    #[test]
    fn a_stream_that_ends_within_a_frame_is_truncated() {
        let stream = sent(&[(Kind::End, b"1234567")]);
        for end in 1..stream.len() {
            let expected = if end < HEADER_BYTES { HEADER_BYTES - end } else { stream.len() - end };
            match received(&mut &stream[..end]) {
                Err(FrameError::Truncated { missing }) => assert_eq!(missing, expected),
                other => panic!("{other:?} from {end} bytes"),
            }
        }
    }

    #[test]
    fn text_is_not_a_frame_and_no_length_is_trusted() {
        assert!(matches!(received(&mut b"hello, world".as_slice()), Err(FrameError::Foreign(b'h'))));
        assert!(matches!(received(&mut b"hi".as_slice()), Err(FrameError::Foreign(b'h'))));
        let stream = [Kind::Piece.byte(), 0xff, 0xff, 0xff, 0xff];
        assert!(matches!(received(&mut stream.as_slice()), Err(FrameError::TooLong(0xffff_ffff))));
    }

    #[test]
    fn a_frame_that_is_longer_than_the_buffer_is_not_sent() {
        let mut stream = Vec::new();
        assert!(send(&mut [0; 7], &mut stream, Kind::Piece, b"123").is_err());
        assert!(stream.is_empty());
    }
}
