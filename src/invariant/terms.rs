//! The terms that a scenario sets for invariants: which are off, their bounds, and the known issues.

use super::catalogue::{About, Bound, CATALOGUE, Unit};
use crate::model::duration::nanoseconds;
use crate::model::nearest::nearest;
use crate::model::violation::Violation;
use std::collections::{BTreeMap, BTreeSet};

/// What a scenario says of invariants: which are off, which bounds they have, and what is looked past.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    off: BTreeSet<&'static str>,
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
    /// Every invariant is on, those on request too.
    #[cfg(test)]
    pub(super) fn with_every_invariant() -> Self {
        Self { off: BTreeSet::new(), ..Self::default() }
    }

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
    use std::time::Duration;

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
