//! Phases and claims that only the code itself can state.
//! They never stop the program: the verdict is the harness's.

use crate::sink::{Fact, tell};
use core::panic::Location;

/// Says that the process entered a phase of its life: `phase("ready")`, `phase("draining")`.
#[inline]
#[track_caller]
pub fn phase(name: &str) {
    tell(&Fact::Phase { name }, Location::caller());
}

/// What [`always!`](crate::always) expands to.
#[inline]
#[track_caller]
pub fn check_always(held: bool, claim: &str) {
    tell(&Fact::Always { claim, held }, Location::caller());
}

/// What [`sometimes!`](crate::sometimes) expands to.
#[inline]
#[track_caller]
pub fn check_sometimes(held: bool, claim: &str) {
    tell(&Fact::Sometimes { claim, held }, Location::caller());
}

/// What [`reached!`](macro@crate::reached) expands to.
#[inline]
#[track_caller]
pub fn reached(site: &str) {
    tell(&Fact::Reached { site }, Location::caller());
}

/// A claim that must hold each time it is passed. The condition is not evaluated outside a run.
#[macro_export]
macro_rules! always {
    ($condition:expr, $claim:expr) => {
        if $crate::attached() {
            $crate::check_always($condition, $claim)
        }
    };
}

/// A claim that must hold at least once in a campaign: a `sometimes` that never did is reported, because nothing was
/// tested. The condition is not evaluated outside a run.
#[macro_export]
macro_rules! sometimes {
    ($condition:expr, $claim:expr) => {
        if $crate::attached() {
            $crate::check_sometimes($condition, $claim)
        }
    };
}

/// A place in the code that a campaign should reach.
#[macro_export]
macro_rules! reached {
    ($site:expr) => {
        if $crate::attached() {
            $crate::reached($site)
        }
    };
}
