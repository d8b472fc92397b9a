//! The digest of a run.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The fingerprint of a run: equal digests mean equal events, in the same order, at the same times.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Digest(pub u64, pub u64);

impl Digest {
    /// The digest of two things, one after the other.
    #[must_use]
    pub fn followed_by(self, next: Self) -> Self {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let fold = |sum: u64, next: u64| (sum.rotate_left(23) ^ next).wrapping_mul(ODD);
        Self(fold(self.0, next.0), fold(self.1, next.1))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0, self.1)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
