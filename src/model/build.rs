//! The builds of a scenario: one code with its known defects, with upstream's fix, or sound.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which variant of a scenario runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Build {
    /// The code as it was released: the reported bug is there.
    Shipped,
    /// The code with upstream's own fix, and what that left open.
    Patched,
    /// The design that holds every claim. A scenario without variants has only this one.
    #[default]
    Sound,
}

impl Build {
    /// All three, in the order in which they are told.
    pub const ALL: [Self; 3] = [Self::Shipped, Self::Patched, Self::Sound];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Patched => "patched",
            Self::Sound => "sound",
        }
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Build {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|build| build.name() == text).ok_or_else(|| format!("unknown build `{text}`"))
    }
}
