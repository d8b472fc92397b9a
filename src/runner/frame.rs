//! One message on a stream: four bytes of length, then JSON.
//! It does not know what the messages mean.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, ErrorKind, Read, Write};

/// The longest message. A record of a million events fits; a length read from garbage does not.
pub(super) const BYTES_MAX: usize = 1 << 30;

/// Sends one message.
pub(super) fn send(mut to: impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - 4;
    if length > BYTES_MAX {
        return Err(io::Error::new(ErrorKind::InvalidData, format!("a message of {length} bytes")));
    }
    frame[..4].copy_from_slice(&(length as u32).to_le_bytes());
    to.write_all(&frame)
}

/// Sends one message by way of a buffer that is there already: nothing is allocated.
pub(super) fn send_through(buffer: &mut [u8], mut to: impl Write, message: &impl Serialize) -> io::Result<()> {
    let (head, body) = buffer.split_at_mut(4);
    let mut rest = &mut *body;
    serde_json::to_writer(&mut rest, message)?;
    let left = rest.len();
    let length = body.len() - left;
    head.copy_from_slice(&(length as u32).to_le_bytes());
    to.write_all(&buffer[..4 + length])
}

/// The length of the next message; `None` if the stream has ended.
pub(super) fn next_length(mut from: impl Read) -> io::Result<Option<usize>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    match u32::from_le_bytes(length) as usize {
        length if length > BYTES_MAX => {
            Err(io::Error::new(ErrorKind::InvalidData, format!("a message of {length} bytes")))
        }
        length => Ok(Some(length)),
    }
}

/// Receives one message; `None` if the stream has ended.
pub(super) fn receive<T: DeserializeOwned>(mut from: impl Read) -> io::Result<Option<T>> {
    let Some(length) = next_length(&mut from)? else { return Ok(None) };
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_as_they_went_in() {
        let mut stream = Vec::new();
        send(&mut stream, &vec![u64::MAX, 1]).expect("a vector takes every byte");
        send(&mut stream, &"two").expect("a vector takes every byte");
        let mut from = stream.as_slice();
        assert_eq!(receive::<Vec<u64>>(&mut from).ok().flatten(), Some(vec![u64::MAX, 1]));
        assert_eq!(receive::<String>(&mut from).ok().flatten().as_deref(), Some("two"));
        assert!(receive::<String>(&mut from).is_ok_and(|end| end.is_none()));
    }

    #[test]
    fn both_ways_to_send_send_the_same() {
        let (mut grown, mut through) = (Vec::new(), Vec::new());
        let message = ["a", "message"];
        send(&mut grown, &message).expect("a vector takes every byte");
        send_through(&mut [0; 64], &mut through, &message).expect("a vector takes every byte");
        assert_eq!(grown, through);
        assert!(send_through(&mut [0; 10], io::sink(), &message).is_err());
    }

    #[test]
    fn a_length_that_no_message_has_is_refused() {
        assert!(next_length([0xff; 4].as_slice()).is_err());
    }
}
