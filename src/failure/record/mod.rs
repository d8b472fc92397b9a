//! The files of findings: `<out>/<scenario>/<id>/record.jsonl.zst`, and `<out>/last`.
//! It does not run, search or print anything.

mod bounds;
mod compression;
mod environment;
mod error;
mod format;
mod leftovers;
mod program;
mod read;
mod store;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use error::RecordError;
pub(crate) use format::{Entry, Written};
pub(crate) use store::RecordStore;
pub use store::SavedRecord;
