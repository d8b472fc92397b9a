//! Entries of a registry, and the code that removes them.
//! It is not a map.

use crate::fact::Fact;
use crate::sink::report;
use core::fmt;
use core::panic::Location;

/// An entry that this code put into a registry.
///
/// *own-entry-only*: code removes its own entry, never a later one of other code under the same key.
///
/// Dropping an `Entry` reports nothing.
///
/// ```
/// let entry = afterlife_probe::Entry::new("queries", "q-7");
/// // … where the map removes the key:
/// entry.removed();
/// ```
#[derive(Debug)]
pub struct Entry {
    name: &'static str,
    entry: u64,
}

impl Entry {
    /// Reports that an entry was made: `Entry::new("queries", query_id)`. It replaces the entry under the same key.
    ///
    /// `key` is formatted in a run only.
    #[track_caller]
    pub fn new(registry: &'static str, key: impl fmt::Display) -> Self {
        let fact = Fact::EntryMade { name: registry, key: format_args!("{key}") };
        Self { name: registry, entry: report(&fact, Location::caller()) }
    }

    /// Reports that the code that made this entry removes the present entry under its key, its own or another one.
    #[track_caller]
    pub fn removed(&self) {
        report(&Fact::EntryRemoved { name: self.name, entry: self.entry, key: None }, Location::caller());
    }

    /// Reports that code that made no entry removes the present entry under `key`. An example is a request that was refused
    /// because the key was taken, and that cleans up nevertheless.
    #[track_caller]
    pub fn removed_without(registry: &'static str, key: impl fmt::Display) {
        let fact = Fact::EntryRemoved { name: registry, entry: 0, key: Some(format_args!("{key}")) };
        report(&fact, Location::caller());
    }
}
