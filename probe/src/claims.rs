//! Phases, claims and places that only the code itself can name, and legal misbehaviour.
//! They never stop the program: the verdict is the harness's.

use crate::fact::Fact;
use crate::sink::tell;
use core::panic::Location;

/// Says that the process entered a phase of its life: `phase("ready")`, `phase("draining")`.
#[inline]
#[track_caller]
pub fn phase(name: &str) {
    tell(&Fact::Phase { name }, Location::caller());
}

/// What [`always!`](crate::always) expands to.
#[doc(hidden)]
#[inline]
#[track_caller]
pub fn check_always(held: bool, claim: &str) {
    tell(&Fact::Always { claim, held }, Location::caller());
}

/// What [`sometimes!`](crate::sometimes) expands to.
#[doc(hidden)]
#[inline]
#[track_caller]
pub fn check_sometimes(held: bool, claim: &str) {
    tell(&Fact::Sometimes { claim, held }, Location::caller());
}

/// What [`reached!`](macro@crate::reached) expands to.
#[doc(hidden)]
#[inline]
#[track_caller]
pub fn reached(site: &str) {
    tell(&Fact::Reached { site }, Location::caller());
}

/// What [`buggify!`](crate::buggify) expands to.
#[doc(hidden)]
#[inline]
#[track_caller]
pub fn misbehaves(site: &str, per_mille: u64) -> bool {
    tell(&Fact::Buggify { site, per_mille }, Location::caller()) == 1
}

/// A claim that must hold each time it is passed. The condition is not evaluated outside a run.
#[macro_export]
macro_rules! always {
    ($condition:expr, $claim:expr) => {
        if $crate::listening() {
            $crate::check_always($condition, $claim)
        }
    };
}

/// A claim that must hold at least once in a campaign: a `sometimes` that never did is reported, because nothing was
/// tested. The condition is not evaluated outside a run.
#[macro_export]
macro_rules! sometimes {
    ($condition:expr, $claim:expr) => {
        if $crate::listening() {
            $crate::check_sometimes($condition, $claim)
        }
    };
}

/// A place in the code that a campaign should reach.
#[macro_export]
macro_rules! reached {
    ($site:expr) => {
        if $crate::listening() {
            $crate::reached($site)
        }
    };
}

/// Whether to misbehave here, in a way that is legal but rare: return early, wait longer, use the small buffer.
///
/// Two levels, after FoundationDB's BUGGIFY: in each run a quarter of the places are on, and a place that is on answers
/// `true` at one pass in four, or as often as the second argument says, in thousandths. Outside a run, and where
/// misbehaving is off, always `false`.
#[macro_export]
macro_rules! buggify {
    ($site:expr) => {
        $crate::buggify!($site, 250)
    };
    ($site:expr, $per_mille:expr) => {
        $crate::attached() && $crate::misbehaves($site, $per_mille)
    };
}
