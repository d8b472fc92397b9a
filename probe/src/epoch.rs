//! An epoch, such as a ballot, a term, a lease or a configuration's generation, and the work that began under it.
//! It does not decide which epoch is valid.

use crate::fact::Fact;
use crate::sink::{report, report_with};
use core::panic::Location;

/// A counter that advances from epoch to epoch.
///
/// *no-stale-epoch-effect*: work takes effect only under the epoch in which it began.
///
/// Epochs are 64-bit numbers and need not be consecutive: a timestamp in nanoseconds is a valid epoch.
///
/// ```
/// let ballot = afterlife_probe::Epoch::new("ballot");
/// let token = ballot.advance(4);
/// // … the work, some time later:
/// token.effect("download progress");
/// ```
#[derive(Debug)]
pub struct Epoch {
    name: &'static str,
    object: u64,
}

impl Epoch {
    /// Reports a new counter of epochs, such as `Epoch::new("ballot")`. It has no epoch until the first
    /// [`advance`](Self::advance).
    #[track_caller]
    pub fn new(name: &'static str) -> Self {
        Self { name, object: report(&Fact::EpochBegan { name }, Location::caller()) }
    }

    /// Reports that the epoch is `to` from now on. Returns the token for work that begins under it.
    #[track_caller]
    pub fn advance(&self, to: u64) -> Token {
        report(&Fact::Advanced { name: self.name, object: self.object, to }, Location::caller());
        self.token(to)
    }

    /// Returns the token for work that began under epoch `of`, for code that has the number alone. Reports nothing.
    pub fn token(&self, of: u64) -> Token {
        Token { name: self.name, object: self.object, of }
    }
}

/// The epoch under which some work began. Copy it along with the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    name: &'static str,
    object: u64,
    of: u64,
}

impl Token {
    /// Reports that the work takes effect now: `token.effect("download progress")`.
    #[inline]
    #[track_caller]
    pub fn effect(&self, what: &str) {
        report_with(|| Fact::Effect { name: self.name, object: self.object, of: self.of, what }, Location::caller());
    }

    /// Returns the epoch's number.
    pub fn number(&self) -> u64 {
        self.of
    }
}
