//! The catalogue of invariants: what each is called, what it claims, and which bound it has.
//! It checks nothing: the state machines are beside it.

use super::*;
use crate::model::nearest::nearest;
use crate::model::violation::Violation;
use crate::scenario::sim::nanoseconds;
use std::collections::{BTreeMap, BTreeSet};
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

const CATALOGUE: &[About] = &[
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
    claims(close_is_told::ID, "a watch ends with an event that says so before its channel closes"),
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

/// What a scenario says of invariants: which are off, which bounds they have, and what is looked past.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) off: BTreeSet<&'static str>,
    bounds: BTreeMap<&'static str, Bound>,
    past: Vec<Known>,
}

/// A way to break that is known: an invariant, and parts of what is said when it breaks so.
#[derive(Clone, Debug)]
struct Known {
    invariant: &'static str,
    parts: Vec<String>,
}

impl Default for Terms {
    fn default() -> Self {
        let off = CATALOGUE.iter().filter(|it| it.on_request).map(|it| it.id).collect();
        Self { off, bounds: BTreeMap::new(), past: Vec::new() }
    }
}

impl Terms {
    /// Turns an invariant off.
    pub(crate) fn without(&mut self, id: &str) -> Result<(), String> {
        self.off.insert(find(id)?.id);
        Ok(())
    }

    /// Turns one on.
    pub(crate) fn also(&mut self, id: &str) -> Result<(), String> {
        self.off.remove(find(id)?.id);
        Ok(())
    }

    /// Looks past an invariant where it breaks in a way that has all of these parts.
    pub(crate) fn look_past(&mut self, id: &str, parts: &[&str]) -> Result<(), String> {
        let invariant = find(id)?.id;
        self.past.push(Known { invariant, parts: parts.iter().map(|part| (*part).to_owned()).collect() });
        Ok(())
    }

    /// Whether a violation is one that is looked past.
    pub(crate) fn is_past(&self, violation: &Violation) -> bool {
        let ours = |known: &&Known| violation.invariant == known.invariant;
        let mut known = self.past.iter().filter(ours).peekable();
        if known.peek().is_none() {
            return false;
        }
        let signature = violation.signature().to_string();
        known.any(|known| {
            let said = |part: &String| signature.contains(part) || violation.sentence.contains(part);
            known.parts.iter().all(said)
        })
    }

    /// Sets a bound.
    pub(crate) fn bound(&mut self, id: &str, bound: Bound) -> Result<(), String> {
        let about = find(id)?;
        let Some(bounded) = about.bound else {
            let with = CATALOGUE.iter().filter(|it| it.bound.is_some()).map(|it| it.id).collect::<Vec<_>>().join(", ");
            return Err(format!("`{id}` has no bound; these have: {with}"));
        };
        let wanted = match (bounded.unit, bound) {
            (Unit::Time, Bound::Time(time)) if !time.is_zero() => None,
            (Unit::Bytes | Unit::Times, Bound::Number(1..)) => None,
            (Unit::Time, _) => Some("a `Duration` above zero"),
            (Unit::Bytes, _) => Some("a number of bytes above zero"),
            (Unit::Times, _) => Some("a number above zero"),
        };
        if let Some(wanted) = wanted {
            return Err(format!("the bound of `{id}` is {wanted} ({}), and not {bound:?}", bounded.what));
        }
        self.bounds.insert(about.id, bound);
        Ok(())
    }

    /// Whether an invariant is off.
    pub(crate) fn is_off(&self, id: &str) -> bool {
        self.off.contains(id)
    }

    /// The time that an invariant has, in nanoseconds, if the scenario set it.
    pub(crate) fn time_ns(&self, id: &str) -> Option<u64> {
        match self.bounds.get(id) {
            Some(Bound::Time(time)) => Some(nanoseconds(*time)),
            _ => None,
        }
    }

    /// The number that an invariant has, if the scenario set it.
    pub(crate) fn number(&self, id: &str) -> Option<u64> {
        match self.bounds.get(id) {
            Some(Bound::Number(number)) => Some(*number),
            _ => None,
        }
    }
}

/// The invariant of this name.
fn find(id: &str) -> Result<&'static About, String> {
    CATALOGUE.iter().find(|it| it.id == id).ok_or_else(|| {
        let near = match nearest(id, CATALOGUE.iter().map(|it| it.id)).first() {
            Some(near) => format!("did you mean `{near}`? "),
            None => String::new(),
        };
        let all = CATALOGUE.iter().map(|it| it.id).collect::<Vec<_>>().join(", ");
        format!("no invariant `{id}`: {near}there are {all}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_machine_is_in_the_catalogue_and_every_name_once() {
        let ids: BTreeSet<_> = CATALOGUE.iter().map(|it| it.id).collect();
        assert_eq!(ids.len(), CATALOGUE.len());
        let every = Terms { off: BTreeSet::new(), ..Terms::default() };
        for invariant in all(&every, Setup::default()) {
            assert!(ids.contains(invariant.id()), "{}", invariant.id());
        }
    }

    #[test]
    fn an_unknown_name_gives_the_nearest_and_the_list() {
        let said = Terms::default().without("no-crashloop").expect_err("there is none");
        assert!(
            said.starts_with("no invariant `no-crashloop`: did you mean `no-crash-loop`? there are always, "),
            "{said}"
        );
        assert!(Terms::default().also("xyzzy-and-more").expect_err("there is none").contains("`: there are always"));
    }

    #[test]
    fn a_way_to_break_is_looked_past_by_all_of_its_parts() {
        let violation = Violation {
            invariant: "no-use-after-teardown".to_owned(),
            class: "files".to_owned(),
            sites: vec!["loader/download.rs".to_owned()],
            subject: String::new(),
            sentence: "replica-1 used files by a task of a round that a cancel had ended".to_owned(),
            at: afterlife_sim::event::Seq::NONE,
            turning: Vec::new(),
        };
        let is_past = |id: &str, parts: &[&str]| {
            let mut terms = Terms::default();
            terms.look_past(id, parts).map(|()| terms.is_past(&violation))
        };
        assert_eq!(is_past("no-use-after-teardown", &["files", "a cancel"]), Ok(true));
        assert_eq!(is_past("no-use-after-teardown", &[]), Ok(true));
        assert_eq!(is_past("no-use-after-teardown", &["files", "a new role"]), Ok(false));
        assert_eq!(is_past("close-once", &["files"]), Ok(false));
        assert!(is_past("no-use-after-tear-down", &[]).is_err_and(|why| why.contains("did you mean")));
    }

    #[test]
    fn a_bound_has_the_unit_of_its_invariant() {
        let mut terms = Terms::default();
        let seconds = Duration::from_secs(10);
        assert_eq!(terms.bound("bounded-shutdown", seconds.into()), Ok(()));
        assert_eq!(terms.bound("no-crash-loop", 5.into()), Ok(()));
        assert_eq!((terms.time_ns("bounded-shutdown"), terms.number("no-crash-loop")), (Some(10_000_000_000), Some(5)));
        assert_eq!(
            terms.bound("no-crash-loop", seconds.into()).expect_err("it counts"),
            "the bound of `no-crash-loop` is a number above zero (how many such ends in a row are a loop), and not Time(10s)"
        );
        let none = terms.bound("bounded-shutdown", Duration::ZERO.into()).expect_err("nobody stops in no time");
        assert!(none.contains("a `Duration` above zero"), "{none}");
        let without = terms.bound("close-once", 1.into()).expect_err("it has none");
        assert!(without.starts_with("`close-once` has no bound; these have: bounded-request, "), "{without}");
    }
}
