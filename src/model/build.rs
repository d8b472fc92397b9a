//! The builds of a scenario: labels that the scenario declares.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// A build of a scenario: one of the labels that the scenario declares, such as `shipped` and `patched`.
///
/// A scenario whose code has one variant declares none and has the [default](Self::DEFAULT) build.
///
/// ```
/// use afterlife::{Build, Scenario, Sim};
///
/// const BEFORE: Build = Build::new("before");
/// const AFTER: Build = Build::new("after");
///
/// fn orders(sim: &mut Sim) {
///     let waits = sim.build() == AFTER;
///     // …
/// #   let _ = waits;
/// }
///
/// let scenario = Scenario::new("orders", orders).builds(&[BEFORE, AFTER]);
/// # let _ = scenario;
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Build(&'static str);

/// The longest label, in bytes.
const LABEL_BYTES_MAX: usize = 32;

/// The labels that came from outside the program. There are few, and they live as long as the process.
static LABELS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

impl Build {
    /// The build of a scenario that declares none: `default`.
    pub const DEFAULT: Self = Self::new("default");

    /// The build with this label: up to 32 lower-case letters, digits, dots, dashes and underscores.
    ///
    /// # Panics
    /// If the label is empty, too long, or has other characters.
    pub const fn new(label: &'static str) -> Self {
        assert!(is_label(label), "a build's label has 1 to 32 lower-case letters, digits, `.`, `-` and `_`");
        Self(label)
    }

    /// The label, as it is written on the command line.
    pub const fn label(self) -> &'static str {
        self.0
    }
}

impl Default for Build {
    fn default() -> Self {
        Self::DEFAULT
    }
}

const fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if !matches!(bytes[index], b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_') {
            return false;
        }
        index += 1;
    }
    !bytes.is_empty() && bytes.len() <= LABEL_BYTES_MAX
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl fmt::Debug for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Build({})", self.0)
    }
}

impl FromStr for Build {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !is_label(text) {
            return Err(format!("`{text}` is not the label of a build"));
        }
        let mut labels = LABELS.lock().unwrap_or_else(PoisonError::into_inner);
        let label = labels.get(text).copied().unwrap_or_else(|| {
            let label = &*text.to_owned().leak();
            labels.insert(label);
            label
        });
        Ok(Self(label))
    }
}

impl Serialize for Build {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Build {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_round_trips_through_text_and_json() {
        let shipped = Build::new("shipped");
        assert_eq!("shipped".parse(), Ok(shipped));
        assert_eq!(serde_json::to_string(&shipped).unwrap(), "\"shipped\"");
        assert_eq!(serde_json::from_str::<Build>("\"v1.4_rc-2\"").unwrap().label(), "v1.4_rc-2");
    }

    #[test]
    fn text_that_no_command_line_or_token_can_hold_is_not_a_label() {
        for text in ["", "Shipped", "a b", "a,b", "ä", &"x".repeat(33)] {
            assert_eq!(text.parse::<Build>(), Err(format!("`{text}` is not the label of a build")));
        }
    }
}
