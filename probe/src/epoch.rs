//! An epoch: a ballot, a term, a lease, a generation of a configuration, and the work that was begun in it.
//! It does not decide which epoch is right.

use crate::fact::Fact;
use crate::sink::{tell, tell_of};
use core::panic::Location;

/// Something that advances from epoch to epoch. *no-stale-epoch-effect*: an effect carries the epoch that is current.
#[derive(Debug)]
pub struct Epoch {
    name: &'static str,
    object: u64,
}

impl Epoch {
    /// Says that there is something with epochs: `Epoch::new("ballot")`.
    #[track_caller]
    pub fn new(name: &'static str) -> Self {
        Self { name, object: tell(&Fact::EpochBegan { name }, Location::caller()) }
    }

    /// Says that it is in this epoch now. Work that begins carries the token that this returns.
    #[track_caller]
    pub fn advance(&self, to: u64) -> Token {
        tell(&Fact::Advanced { name: self.name, object: self.object, to }, Location::caller());
        self.token(to)
    }

    /// The token of work that was begun in this epoch, for code that carries the number itself.
    pub fn token(&self, of: u64) -> Token {
        Token { name: self.name, object: self.object, of }
    }
}

/// The epoch in which some work was begun. Copy it along with the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    name: &'static str,
    object: u64,
    of: u64,
}

impl Token {
    /// Says that the work takes effect, here and now: `token.effect("download progress")`.
    #[inline]
    #[track_caller]
    pub fn effect(&self, what: &str) {
        tell_of(|| Fact::Effect { name: self.name, object: self.object, of: self.of, what }, Location::caller());
    }

    /// The epoch's number.
    pub fn number(&self) -> u64 {
        self.of
    }
}
