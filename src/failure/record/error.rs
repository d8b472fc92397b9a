//! The reasons why a record cannot be written, found or read, each with a next step.

use super::format::FORMAT;
use crate::model::refusal::Refusal;
use crate::model::shell::quoted;
use std::io;
use std::path::PathBuf;

/// The reason why a record cannot be written, found or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The folder cannot be written to.
    #[error("cannot write to {}: {source}", path.display())]
    Unwritable {
        /// The folder or file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not a record.
    #[error("{} is not a record: {what}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The difference from a record.
        what: String,
    },
    /// The record ends before its last line.
    #[error("{} is incomplete: it ends after {lines} lines", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The number of lines that can be read.
        lines: u64,
        /// The token that it begins with.
        token: Option<String>,
    },
    /// The record has an invalid or unknown line.
    #[error("{} is damaged, or has content that this afterlife does not know: line {line}: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: u64,
        /// The error in it.
        what: String,
        /// The token that it begins with.
        token: Option<String>,
    },
    /// The record is larger than records may be.
    #[error("{} is larger than a record may be: it has {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound that it exceeds.
        limit: String,
        /// The token that it begins with.
        token: Option<String>,
    },
    /// The parts of the record contradict each other.
    #[error("{} contradicts itself, so it was edited or damaged: {what}", path.display())]
    Contradictory {
        /// The file.
        path: PathBuf,
        /// The contradiction.
        what: String,
    },
    /// It has another format.
    #[error("{} is a record of format {found}, written by afterlife {written_by}; this afterlife reads format {FORMAT}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The version of afterlife that wrote it.
        written_by: String,
    },
    /// It was written before a record was a single file.
    #[error("{} was written by an afterlife older than record format {FORMAT}", folder.display())]
    Older {
        /// The folder.
        folder: PathBuf,
    },
    /// No finding has this name.
    #[error("there is no finding `{what}` under {}", root.display())]
    Unknown {
        /// The name.
        what: String,
        /// The folder of records.
        root: PathBuf,
    },
    /// Several findings have this name.
    #[error("`{what}` matches {count} findings: {}", ids.join(", "))]
    Ambiguous {
        /// The name.
        what: String,
        /// The number of findings.
        count: usize,
        /// The first few of them.
        ids: Vec<String>,
    },
}

impl RecordError {
    /// Returns whether another version of the code wrote it.
    pub(crate) fn is_of_other_code(&self) -> bool {
        matches!(self, Self::Newer { .. } | Self::Older { .. })
    }

    /// The next step for the user.
    pub(crate) fn next(&self) -> String {
        match self {
            Self::Unwritable { .. } => {
                "name a folder that can be written to: --out DIR or AFTERLIFE_OUT=DIR".to_owned()
            }
            Self::Unreadable { .. } | Self::Foreign { .. } => {
                "name the folder of a finding, or replay its token: a token needs no file".to_owned()
            }
            Self::Contradictory { .. } => {
                "get the file again from where it was written, and trust nothing in this one".to_owned()
            }
            Self::TooLarge { token: Some(token), .. } => {
                format!("replay its token, which needs no file: {}", quoted(token))
            }
            Self::TooLarge { .. } => "replay the finding's token: a token needs no file".to_owned(),
            Self::Truncated { token, .. } | Self::Malformed { token, .. } => match token {
                Some(token) => {
                    format!("copy the file again, or replay its token, which needs no file: {}", quoted(token))
                }
                None => "copy the file again, or replay the finding's token: a token needs no file".to_owned(),
            },
            Self::Newer { written_by, .. } => {
                format!("read it with afterlife {written_by}, or replay its token instead: a token needs no file")
            }
            Self::Older { .. } => "replay its token, which is in finding.json".to_owned(),
            Self::Unknown { .. } => {
                "name a token, `last`, the beginning of an id, or the folder of a finding".to_owned()
            }
            Self::Ambiguous { .. } => "give more digits of the id".to_owned(),
        }
    }
}

impl From<RecordError> for Refusal {
    fn from(error: RecordError) -> Self {
        Self::new(error.to_string(), error.next())
    }
}
