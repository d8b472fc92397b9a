//! Plans as bytes, for tokens: numbers of seven bits a byte, least significant first.
//! It knows no fault: each kind lists its own fields.

use afterlife_sim::event::NodeId;
use std::fmt;

/// The reason why bytes are not a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WireError(String);

impl WireError {
    /// An error with this reason.
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Writes the fields of a plan.
#[derive(Default)]
pub(crate) struct PlanWriter {
    bytes: Vec<u8>,
}

impl PlanWriter {
    /// The bytes so far.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes a number.
    pub(crate) fn number(&mut self, mut value: u64) -> &mut Self {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
        self
    }

    /// Writes a signed number so that small values of either sign are short.
    pub(crate) fn signed(&mut self, value: i64) -> &mut Self {
        self.number(((value << 1) ^ (value >> 63)) as u64)
    }

    /// Writes a node.
    pub(crate) fn node(&mut self, node: NodeId) -> &mut Self {
        self.number(node.0.into())
    }

    /// Writes a flag.
    pub(crate) fn flag(&mut self, flag: bool) -> &mut Self {
        self.number(flag.into())
    }

    /// Writes text.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }
}

/// Reads the fields of a plan.
pub(crate) struct PlanReader<'a> {
    rest: &'a [u8],
}

impl<'a> PlanReader<'a> {
    /// Reads from these bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Checks that nothing is left.
    pub(crate) fn end(&self) -> Result<(), WireError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(WireError(format!("{left} bytes after the end"))),
        }
    }

    /// Reads a number.
    pub(crate) fn number(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) =
                self.rest.split_first().ok_or_else(|| WireError::new("the bytes end in the middle of a number"))?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::new("a number of more than 64 bits"))
    }

    /// Reads a number of a smaller type.
    pub(crate) fn small<T: TryFrom<u64>>(&mut self) -> Result<T, WireError> {
        let value = self.number()?;
        T::try_from(value).map_err(|_| WireError(format!("{value} does not fit its field")))
    }

    /// Reads a signed number.
    pub(crate) fn signed<T: TryFrom<i64>>(&mut self) -> Result<T, WireError> {
        let value = self.number()?;
        let value = ((value >> 1) as i64) ^ -((value & 1) as i64);
        T::try_from(value).map_err(|_| WireError(format!("{value} does not fit its field")))
    }

    /// Reads a node.
    pub(crate) fn node(&mut self) -> Result<NodeId, WireError> {
        self.small().map(NodeId)
    }

    /// Reads a flag.
    pub(crate) fn flag(&mut self) -> Result<bool, WireError> {
        match self.number()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(WireError(format!("{other} is not a flag"))),
        }
    }

    /// Reads text.
    pub(crate) fn text(&mut self) -> Result<String, WireError> {
        let length = self.small::<usize>()?;
        let (text, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| WireError::new("the bytes end in the middle of a text"))?;
        self.rest = rest;
        String::from_utf8(text.to_vec()).map_err(|_| WireError::new("a text that is not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_round_trip() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1u64 << shift) - 1, u64::MAX >> shift] {
                let mut writer = PlanWriter::default();
                writer.number(value).signed(value as i64);
                let bytes = writer.into_bytes();
                let mut reader = PlanReader::new(&bytes);
                assert_eq!(reader.number(), Ok(value));
                assert_eq!(reader.signed(), Ok(value as i64));
                assert_eq!(reader.end(), Ok(()));
            }
        }
    }

    #[test]
    fn damage_is_refused_with_a_reason() {
        assert_eq!(PlanReader::new(&[0xff; 11]).number(), Err(WireError::new("a number of more than 64 bits")));
        assert_eq!(PlanReader::new(&[0x80]).number(), Err(WireError::new("the bytes end in the middle of a number")));
        assert_eq!(PlanReader::new(&[3, b'a']).text(), Err(WireError::new("the bytes end in the middle of a text")));
        assert_eq!(PlanReader::new(&[2]).flag(), Err(WireError::new("2 is not a flag")));
        assert_eq!(PlanReader::new(&[0]).end(), Err(WireError::new("1 bytes after the end")));
    }
}
