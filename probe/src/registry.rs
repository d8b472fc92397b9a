//! A registry: entries under keys, and who takes which out.
//! It is not a map.

use crate::fact::Fact;
use crate::sink::tell;
use core::fmt;
use core::panic::Location;

/// One's own entry in a registry. *own-entry-only*: what is taken out is one's own, not what somebody else has put under
/// the same key since.
#[derive(Debug)]
pub struct Entry {
    name: &'static str,
    entry: u64,
}

impl Entry {
    /// Says that an entry was made: `Entry::new("queries", query_id)`. It replaces what stood under the key.
    #[track_caller]
    pub fn new(registry: &'static str, key: impl fmt::Display) -> Self {
        let fact = Fact::EntryMade { name: registry, key: format_args!("{key}") };
        Self { name: registry, entry: tell(&fact, Location::caller()) }
    }

    /// Says that its maker removes what stands under its key now.
    #[track_caller]
    pub fn removed(&self) {
        tell(&Fact::EntryRemoved { name: self.name, entry: self.entry, key: None }, Location::caller());
    }

    /// Says that somebody who has entered nothing removes what stands under this key now: who was refused because the key
    /// was taken, and clears up all the same.
    #[track_caller]
    pub fn removed_without(registry: &'static str, key: impl fmt::Display) {
        let fact = Fact::EntryRemoved { name: registry, entry: 0, key: Some(format_args!("{key}")) };
        tell(&fact, Location::caller());
    }
}
