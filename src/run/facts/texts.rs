//! Texts by number, as events name them.
//! It forgets nothing, since a violation may name it.

use afterlife_sim::event::Name;
use std::collections::BTreeMap;

/// Every text that was met, with its number; the empty text is number 0.
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

    /// The next text of whoever numbers its own.
    pub(crate) fn push(&mut self, text: String) -> Name {
        let name = Name(self.texts.len() as u32);
        self.known.insert(text.clone(), name);
        self.texts.push(text);
        name
    }

    /// What a number stands for.
    pub(crate) fn text(&self, name: Name) -> &str {
        self.texts.get(name.0 as usize).map_or("", String::as_str)
    }

    /// All of them, by number.
    pub(crate) fn into_texts(self) -> Vec<String> {
        self.texts
    }
}
