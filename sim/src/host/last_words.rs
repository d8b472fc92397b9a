//! The last words of a dying process: one typed, length-prefixed record for its runner.
//! It does not know where the record is stored.

/// The exit code of a run that met an unsupported call, or refused one: `EX_UNAVAILABLE` of sysexits.
pub const EXIT_UNSUPPORTED: i32 = 69;

/// A process's reason for its early end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastWords {
    /// A call that the simulation does not support.
    Unsupported {
        /// The call, or whatever else was refused: what findings are grouped by.
        subject: String,
        /// The reason and the call's stack.
        text: String,
    },
    /// Anything else, as text for a person. Empty if the process left nothing.
    Text(String),
}

const TEXT: u8 = 0;
const UNSUPPORTED: u8 = 1;

impl LastWords {
    /// Encodes the record in at most `bytes_max` bytes; a longer text is cut short.
    pub(crate) fn encode(&self, bytes_max: usize) -> Vec<u8> {
        let (kind, subject, text) = match self {
            Self::Unsupported { subject, text } => (UNSUPPORTED, subject.as_str(), text.as_str()),
            Self::Text(text) => (TEXT, "", text.as_str()),
        };
        let mut record = vec![kind];
        for part in [subject, text] {
            let left = bytes_max.saturating_sub(record.len() + size_of::<u32>());
            let part = &part.as_bytes()[..part.len().min(left)];
            record.extend((part.len() as u32).to_le_bytes());
            record.extend(part);
        }
        record
    }

    /// Decodes a record. One that is incomplete is an empty text.
    pub(crate) fn decode(record: &[u8]) -> Self {
        fn part(rest: &mut &[u8]) -> Option<String> {
            let (len, after) = rest.split_first_chunk()?;
            let (part, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            *rest = after;
            Some(String::from_utf8_lossy(part).into_owned())
        }
        let decode = || {
            let (kind, mut rest) = record.split_first()?;
            let (subject, text) = (part(&mut rest)?, part(&mut rest)?);
            Some(if *kind == UNSUPPORTED { Self::Unsupported { subject, text } } else { Self::Text(text) })
        };
        decode().unwrap_or_else(|| Self::Text(String::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_decodes_to_itself_whatever_punctuation_its_text_has() {
        for words in [
            LastWords::Unsupported { subject: "a `b`: c".into(), text: "afterlife: `d` e\nf".into() },
            LastWords::Text("100 % of `x`".into()),
        ] {
            assert_eq!(LastWords::decode(&words.encode(1_000)), words);
        }
    }

    #[test]
    fn a_long_text_is_cut_short_and_its_subject_stays() {
        let words = LastWords::Unsupported { subject: "select".into(), text: "x".repeat(100) };
        let record = words.encode(40);
        assert_eq!(record.len(), 40);
        assert_eq!(
            LastWords::decode(&record),
            LastWords::Unsupported { subject: "select".into(), text: "x".repeat(25) }
        );
    }

    #[test]
    fn an_incomplete_record_is_an_empty_text() {
        assert_eq!(LastWords::decode(&[]), LastWords::Text(String::new()));
        assert_eq!(LastWords::decode(&[UNSUPPORTED, 9, 0, 0, 0, b'a']), LastWords::Text(String::new()));
    }
}
