//! The catalogue of invariants: what each is called, what it claims, and which bound it has.
//! It checks nothing: the state machines are beside it.

use super::{
    blast_radius, bounded_request, bounded_shutdown, close_once, closed_or_open, honest_progress,
    joined_before_teardown, no_callback_after_deregistration, no_crash_loop, no_deadlock, no_silent_panic, no_spin,
    no_stale_epoch_effect, no_stale_message, no_use_after_teardown, no_use_before_init, nothing_left,
    notify_before_close, one_incarnation, own_entry_only, probed_claims, slots_conserved,
};
use std::time::Duration;

/// An invariant by name: what a scenario may turn off with [`Sim::without`](crate::Sim::without), on with
/// [`Sim::also`](crate::Sim::also), and bound with [`Sim::bound`](crate::Sim::bound).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// Its name.
    pub id: &'static str,
    /// What it claims, in one line.
    pub claim: &'static str,
    /// The bound that a scenario may set, if it has one.
    pub bound: Option<Bounded>,
    /// Whether it is off unless a scenario turns it on: what it claims is not so for most sound systems.
    pub on_request: bool,
}

/// What the bound of an invariant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounded {
    /// What is bounded.
    pub what: &'static str,
    /// In what it is counted.
    pub unit: Unit,
    /// The bound where a scenario says nothing.
    pub usual: &'static str,
}

/// In what a bound is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Virtual time: a [`Duration`].
    Time,
    /// Bytes: a `u64`.
    Bytes,
    /// So many: a `u64`.
    Times,
}

/// The bound of an invariant, as a scenario sets it: a [`Duration`], or a `u64` of what the invariant
/// [counts](Bounded::unit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// Virtual time.
    Time(Duration),
    /// Bytes, or so many.
    Number(u64),
}

impl From<Duration> for Bound {
    fn from(time: Duration) -> Self {
        Self::Time(time)
    }
}

impl From<u64> for Bound {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

const fn claims(id: &'static str, claim: &'static str) -> About {
    About { id, claim, bound: None, on_request: false }
}

const fn bounded(id: &'static str, claim: &'static str, what: &'static str, unit: Unit, usual: &'static str) -> About {
    About { id, claim, bound: Some(Bounded { what, unit, usual }), on_request: false }
}

pub(crate) const RECOVERS: &str = "recovers";
pub(crate) const NOTHING_ACKED_IS_LOST: &str = "nothing-acked-is-lost";

pub(super) const CATALOGUE: &[About] = &[
    claims(probed_claims::ID, "each `always!` that the code passes holds"),
    claims(blast_radius::ID, "a fault on one node ends processes on that node only"),
    bounded(
        bounded_request::ID,
        "no single allocation is out of all proportion, no path longer than the system takes",
        "one allocation",
        Unit::Bytes,
        "1 GiB, or the node's memory if that is less",
    ),
    bounded(
        bounded_shutdown::ID,
        "a process that was asked to stop stops in time",
        "the time from the request to the end",
        Unit::Time,
        "the budget of each stop",
    ),
    claims(notify_before_close::ID, "the reader of a watch is notified of its end before the channel closes"),
    claims(close_once::ID, "a resource, a channel or a registration ends once"),
    bounded(
        closed_or_open::ID,
        "after a panic that was caught, what was being opened is closed or open",
        "the time that unwinding takes",
        Unit::Time,
        "1 ms",
    ),
    claims(honest_progress::ID, "100 % means that every item is verified; never above 100; 100 is reached"),
    claims(joined_before_teardown::ID, "every borrower and task ends before what it holds is torn down"),
    claims(
        no_callback_after_deregistration::ID,
        "no call begins after deregistration, which is over when those that ran have ended",
    ),
    bounded(
        no_crash_loop::ID,
        "no process dies the same way with the same state on its disk again and again, or at one line whatever is there",
        "how many such ends in a row are a loop",
        Unit::Times,
        "3",
    ),
    claims(no_deadlock::ID, "nobody waits for what cannot come"),
    claims(no_silent_panic::ID, "no panic anywhere, caught or not"),
    bounded(
        no_spin::ID,
        "a process to which nothing comes does a bounded number of things in a virtual second",
        "readings of a clock in a virtual second; a call that moves nothing counts as twenty",
        Unit::Times,
        "2 000 000",
    ),
    claims(no_stale_epoch_effect::ID, "an effect carries the epoch that is current"),
    About {
        id: no_stale_message::ID,
        claim: "no message reaches a process that belongs to another life",
        bound: None,
        on_request: true,
    },
    claims(no_use_after_teardown::ID, "no use of a resource after its teardown, nor of a descriptor after its close"),
    claims(no_use_before_init::ID, "no use of a resource before it is open; tearing it down is a use"),
    claims(NOTHING_ACKED_IS_LOST, "what was acknowledged is there after recovery"),
    claims(nothing_left::ID, "a process that ends in order leaves no thread, task, socket, file, timer or lock"),
    claims(one_incarnation::ID, "never two lives of a node at once, and no act of one that is over"),
    claims(own_entry_only::ID, "who removes an entry from a registry removes its own"),
    bounded(
        RECOVERS,
        "when faults have stopped, every client comes to its end",
        "the time from the end of the last fault",
        Unit::Time,
        "the run's time limit",
    ),
    bounded(
        slots_conserved::ID,
        "a counter of places is never below zero or above its cap, and at rest shows its holders",
        "how long neither changes until that is rest",
        Unit::Time,
        "1 ms",
    ),
];

/// Every invariant that there is, by name.
///
/// ```
/// for it in afterlife::invariants() {
///     let bound = it.bound.map(|bound| format!(" (bound: {}; {} unless said)", bound.what, bound.usual));
///     println!("{}: {}{}", it.id, it.claim, bound.unwrap_or_default());
/// }
/// ```
pub fn invariants() -> &'static [About] {
    CATALOGUE
}
