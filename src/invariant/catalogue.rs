//! The catalogue of the built-in invariants: their ids, claims and bounds. It checks nothing: the monitors are beside it.

use super::{
    blast_radius, bounded_request, bounded_shutdown, close_once, closed_or_open, honest_progress,
    joined_before_teardown, no_callback_after_deregistration, no_client_error, no_crash_loop, no_deadlock,
    no_silent_panic, no_spin, no_stale_epoch_effect, no_stale_message, no_unprovoked_exit, no_use_after_teardown,
    no_use_before_init, nothing_left, notify_before_close, one_incarnation, own_entry_only, probed_claims,
    slots_conserved,
};
use std::time::Duration;

/// A built-in invariant. A scenario may turn it off with [`Sim::turn_off`](crate::Sim::turn_off), on with
/// [`Sim::turn_on`](crate::Sim::turn_on), and bound it with [`Sim::bound`](crate::Sim::bound).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvariantInfo {
    /// The id: `no-use-after-teardown`.
    pub id: &'static str,
    /// The property that it claims, in one line.
    pub claim: &'static str,
    /// The name of its violation, as reports head it: `use after teardown`.
    pub violation: &'static str,
    /// The bound that a scenario may set, if it has one.
    pub bound: Option<BoundInfo>,
    /// True if it is off by default, because most sound systems do not have the property.
    pub opt_in: bool,
}

/// The bound of an invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BoundInfo {
    /// The bounded quantity.
    pub what: &'static str,
    /// The unit of the bound.
    pub unit: BoundUnit,
    /// The default bound.
    pub default: &'static str,
}

/// The unit of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoundUnit {
    /// Virtual time: a [`Duration`].
    Time,
    /// Bytes: a `u64`.
    Bytes,
    /// A count: a `u64`.
    Times,
}

/// A bound of an invariant, as a scenario sets it: a [`Duration`], or a `u64` in the bound's [unit](BoundInfo::unit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// Virtual time.
    Time(Duration),
    /// A number of bytes, or a count.
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

const fn claims(id: &'static str, claim: &'static str, violation: &'static str) -> InvariantInfo {
    InvariantInfo { id, claim, violation, bound: None, opt_in: false }
}

const fn bounded(id: &'static str, claim: &'static str, violation: &'static str, bound: BoundInfo) -> InvariantInfo {
    InvariantInfo { id, claim, violation, bound: Some(bound), opt_in: false }
}

pub(crate) const EVENTUALLY: &str = "eventually";
pub(crate) const NO_CRASH: &str = "no-crash";
pub(crate) const BOUNDED_SHUTDOWN: &str = bounded_shutdown::ID;
pub(crate) const NO_DEADLOCK: &str = no_deadlock::ID;
pub(crate) const NO_SPIN: &str = no_spin::ID;
pub(crate) const NO_UNSUPPORTED_CALL: &str = "no-unsupported-call";
pub(crate) const NOTHING_ACKED_IS_LOST: &str = "nothing-acked-is-lost";
pub(crate) const RECOVERS: &str = "recovers";

pub(super) const CATALOGUE: &[InvariantInfo] = &[
    claims(
        probed_claims::ID,
        "each `always` claim of the scenario and each `always!` of a probe holds",
        "claim broken",
    ),
    claims(blast_radius::ID, "a fault on one node ends processes on that node only", "a fault spread to another node"),
    bounded(
        bounded_request::ID,
        "no single allocation exceeds its bound, and no path is longer than the system allows",
        "oversized request",
        BoundInfo {
            what: "the size of one allocation",
            unit: BoundUnit::Bytes,
            default: "1 GiB, or the node's memory budget if that is less",
        },
    ),
    bounded(
        bounded_shutdown::ID,
        "a process that is asked to stop ends in time",
        "shutdown over its budget",
        BoundInfo {
            what: "the time from the request to the end",
            unit: BoundUnit::Time,
            default: "the budget of each stop",
        },
    ),
    claims(close_once::ID, "a resource, a channel or a registration ends once", "closed twice"),
    bounded(
        closed_or_open::ID,
        "after a caught panic, an object that was being opened is closed or open",
        "left half open after a panic",
        BoundInfo { what: "the time that unwinding may take", unit: BoundUnit::Time, default: "1 ms" },
    ),
    claims(EVENTUALLY, "each `eventually` claim of the scenario comes true within its bound", "claim not met in time"),
    claims(
        honest_progress::ID,
        "progress never exceeds 100 %, and 100 % means that every item is verified",
        "wrong progress",
    ),
    claims(
        joined_before_teardown::ID,
        "every borrower and every task ends before what it uses is torn down",
        "teardown before join",
    ),
    claims(
        no_callback_after_deregistration::ID,
        "no call begins after deregistration, which ends when the running calls have ended",
        "callback after deregistration",
    ),
    claims(no_client_error::ID, "every client and verifier ends without an error", "client error"),
    claims(NO_CRASH, "no process dies by an unhandled signal or by an exit that bypasses the virtual kernel", "crash"),
    bounded(
        no_crash_loop::ID,
        "no supervised process keeps dying in the same way",
        "crash loop",
        BoundInfo { what: "the number of such ends in a row that make a loop", unit: BoundUnit::Times, default: "3" },
    ),
    claims(no_deadlock::ID, "no process waits for something that can never happen", "deadlock"),
    claims(no_silent_panic::ID, "no thread panics, whether the panic is caught or not", "panic"),
    bounded(
        no_spin::ID,
        "a process that nothing reaches makes a bounded number of calls in a virtual second",
        "endless loop",
        BoundInfo {
            what: "the number of clock readings in a virtual second; a call without effect counts as twenty",
            unit: BoundUnit::Times,
            default: "2 000 000",
        },
    ),
    claims(no_stale_epoch_effect::ID, "an effect belongs to the current epoch", "stale epoch effect"),
    InvariantInfo {
        opt_in: true,
        ..claims(no_stale_message::ID, "no message of or for another incarnation reaches a process", "stale message")
    },
    claims(no_unprovoked_exit::ID, "no service fails before any fault, unless it is asked to stop", "unprovoked exit"),
    claims(NO_UNSUPPORTED_CALL, "no process makes a call that the simulation does not support", "unsupported call"),
    claims(
        no_use_after_teardown::ID,
        "no resource is used after its teardown, and no descriptor after its close",
        "use after teardown",
    ),
    claims(no_use_before_init::ID, "no resource is used or torn down before it is open", "use before init"),
    claims(NOTHING_ACKED_IS_LOST, "acknowledged entries are there after recovery", "acknowledged data is lost"),
    claims(nothing_left::ID, "a process that ends normally leaks no thread, task, socket, file, timer or lock", "leak"),
    claims(
        notify_before_close::ID,
        "the reader of a watch is notified of its end before the channel closes",
        "close without notice",
    ),
    claims(
        one_incarnation::ID,
        "at most one incarnation of a node runs, and none acts after its end",
        "two incarnations at once",
    ),
    claims(own_entry_only::ID, "code removes its own registry entries only", "foreign entry removed"),
    bounded(
        RECOVERS,
        "every client ends after the faults are over",
        "no recovery",
        BoundInfo {
            what: "the time from the end of the last fault",
            unit: BoundUnit::Time,
            default: "the run's time limit",
        },
    ),
    bounded(
        slots_conserved::ID,
        "a slot counter stays between zero and its cap, and matches its holders at rest",
        "wrong slot count",
        BoundInfo {
            what: "the time without a change after which a counter is at rest",
            unit: BoundUnit::Time,
            default: "1 ms",
        },
    ),
];

/// Every built-in invariant, by id.
///
/// ```
/// for invariant in afterlife::invariants() {
///     let bound = invariant.bound.map(|bound| format!(" (bound: {}; default: {})", bound.what, bound.default));
///     println!("{}: {}{}", invariant.id, invariant.claim, bound.unwrap_or_default());
/// }
/// ```
pub fn invariants() -> &'static [InvariantInfo] {
    CATALOGUE
}

/// The name of a violation, to print after a cross: `use after teardown` for `no-use-after-teardown`.
///
/// The id of a user's own invariant names its violation if it begins with `no-`; any other is headed `broken: …`.
pub(crate) fn headline(invariant: &str) -> String {
    if let Some(known) = CATALOGUE.iter().find(|known| known.id == invariant) {
        return known.violation.to_owned();
    }
    match invariant.strip_prefix("no-") {
        Some(violation) => violation.replace('-', " "),
        None => format!("broken: {}", invariant.replace('-', " ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_names_the_violation_and_not_the_property() {
        for invariant in invariants() {
            assert!(!headline(invariant.id).starts_with("no ") || invariant.id == RECOVERS, "{}", invariant.id);
        }
        assert_eq!(headline("no-use-after-teardown"), "use after teardown");
        assert_eq!(headline("close-once"), "closed twice");
    }

    #[test]
    fn the_id_of_a_users_own_invariant_names_its_violation_too() {
        assert_eq!(headline("no-two-leaders"), "two leaders");
        assert_eq!(headline("one-leader-per-term"), "broken: one leader per term");
    }

    #[test]
    fn the_list_is_in_the_order_of_the_ids() {
        assert!(invariants().is_sorted_by_key(|invariant| invariant.id));
    }
}
