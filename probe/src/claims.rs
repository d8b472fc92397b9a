//! Phases of a process, assertions, coverage points and injected misbehaviour.
//! None of them stops the program: the harness judges them.

use crate::fact::Fact;
use crate::sink::report;
use core::panic::Location;

/// Reports that the process entered a phase, such as `"ready"` or `"draining"`.
///
/// ```
/// afterlife_probe::phase("ready");
/// ```
#[inline]
#[track_caller]
pub fn phase(name: &str) {
    report(&Fact::Phase { name }, Location::caller());
}

/// The expansion of [`always!`](crate::always).
#[doc(hidden)]
#[inline]
#[track_caller]
pub fn check_always(held: bool, claim: &str) {
    report(&Fact::Always { claim, held }, Location::caller());
}

/// The expansion of [`sometimes!`](crate::sometimes).
#[doc(hidden)]
#[inline]
#[track_caller]
pub fn check_sometimes(held: bool, claim: &str) {
    report(&Fact::Sometimes { claim, held }, Location::caller());
}

/// The expansion of [`reached!`](macro@crate::reached).
#[doc(hidden)]
#[inline]
#[track_caller]
pub fn reached(site: &str) {
    report(&Fact::Reached { site }, Location::caller());
}

/// The expansion of [`buggify!`](crate::buggify).
#[doc(hidden)]
#[inline]
#[track_caller]
pub fn misbehaves(site: &str, per_mille: u64) -> bool {
    report(&Fact::Buggify { site, per_mille }, Location::caller()) == 1
}

/// Asserts a claim that must hold every time this line executes.
///
/// A false condition is a violation in a run; it does not panic. The condition is not evaluated outside a run.
///
/// ```
/// let (sent, acked) = (7, 5);
/// afterlife_probe::always!(acked <= sent, "no more is acknowledged than was sent");
/// ```
#[macro_export]
macro_rules! always {
    ($condition:expr, $claim:expr) => {
        if $crate::listening() {
            $crate::check_always($condition, $claim)
        }
    };
}

/// Asserts a claim that must hold at least once in a campaign.
///
/// A campaign in which it never held reports that the case was not tested. The condition is not evaluated outside a run.
///
/// ```
/// let retries = 1;
/// afterlife_probe::sometimes!(retries > 0, "a request is retried");
/// ```
#[macro_export]
macro_rules! sometimes {
    ($condition:expr, $claim:expr) => {
        if $crate::listening() {
            $crate::check_sometimes($condition, $claim)
        }
    };
}

/// Marks a line that a campaign should reach.
///
/// ```
/// afterlife_probe::reached!("the snapshot is installed");
/// ```
#[macro_export]
macro_rules! reached {
    ($site:expr) => {
        if $crate::listening() {
            $crate::reached($site)
        }
    };
}

/// Returns `true` if the program should misbehave here in a legal but rare way: return early, wait longer, use a small buffer.
///
/// Two levels decide, as in FoundationDB's BUGGIFY. Each run enables a quarter of the sites. An enabled site answers `true`
/// with the probability of the second argument, in thousandths; the default is 250. Outside a run, and in a run that turns
/// misbehaviour off, the answer is always `false`.
///
/// ```
/// let batch = if afterlife_probe::buggify!("small batches", 100) { 1 } else { 64 };
/// assert_eq!(batch, 64); // not in a run
/// ```
#[macro_export]
macro_rules! buggify {
    ($site:expr) => {
        $crate::buggify!($site, 250)
    };
    ($site:expr, $per_mille:expr) => {
        $crate::attached() && $crate::misbehaves($site, $per_mille)
    };
}
