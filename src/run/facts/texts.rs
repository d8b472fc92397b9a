//! Texts by number, as events name them. All of them are kept, since a violation may name any.

use afterlife_sim::event::Name;
use std::collections::BTreeMap;

/// Texts with their numbers; the empty text is number 0.
#[derive(Debug)]
pub(crate) struct Texts {
    texts: Vec<String>,
    known: BTreeMap<String, Name>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { texts: vec![String::new()], known: BTreeMap::new() }
    }
}

impl Texts {
    /// The number of a text, new or known.
    pub(crate) fn name(&mut self, text: &str) -> Name {
        if text.is_empty() {
            return Name::NONE;
        }
        match self.known.get(text) {
            Some(name) => *name,
            None => self.push(text.to_owned()),
        }
    }

    /// Adds a text under the next number.
    pub(crate) fn push(&mut self, text: String) -> Name {
        let name = Name(self.texts.len() as u32);
        self.known.insert(text.clone(), name);
        self.texts.push(text);
        name
    }

    /// The text with this number.
    pub(crate) fn text(&self, name: Name) -> &str {
        self.texts.get(name.0 as usize).map_or("", String::as_str)
    }

    /// All texts, by number.
    pub(crate) fn into_texts(self) -> Vec<String> {
        self.texts
    }
}
