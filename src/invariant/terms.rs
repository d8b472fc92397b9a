//! The terms that a scenario sets for invariants: which are off, their bounds, and the known issues.

use super::catalogue::{Bound, BoundUnit, CATALOGUE};
use crate::model::duration::nanoseconds;
use crate::model::nearest::nearest;
use crate::model::violation::Violation;
use afterlife_sim::event::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The invariants that are off in a run, the known issues, and the bounds that the scenario set.
///
/// A run sends it to its campaign, which judges the violations that appear only after the run's process has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Terms {
    off: BTreeSet<String>,
    known: Vec<KnownIssue>,
    /// The ids of the scenario's own invariants.
    own: BTreeSet<String>,
    /// The clients and verifiers that may fail. Only the run itself uses them, the bounds and the host names.
    #[serde(skip)]
    may_fail: BTreeSet<NodeId>,
    #[serde(skip)]
    bounds: BTreeMap<&'static str, Bound>,
    /// The host names that no node has, and that processes may look up all the same.
    #[serde(skip)]
    unknown_hosts: BTreeSet<String>,
    /// True if calls may fail because of the setup.
    #[serde(skip)]
    may_be_misconfigured: bool,
}

/// The most invariants of a scenario's own: observers are numbered.
const OWN_MAX: usize = 32;

/// A known issue: an invariant, and parts of the signature or the sentence of its violation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KnownIssue {
    invariant: String,
    parts: Vec<String>,
}

impl KnownIssue {
    fn covers(&self, violation: &Violation) -> bool {
        if self.invariant != violation.invariant {
            return false;
        }
        let signature = violation.signature().to_string();
        self.parts.iter().all(|part| signature.contains(part) || violation.sentence.contains(part))
    }
}

impl Default for Terms {
    fn default() -> Self {
        let off = CATALOGUE.iter().filter(|about| about.opt_in).map(|about| about.id.to_owned()).collect();
        Self {
            off,
            known: Vec::new(),
            own: BTreeSet::new(),
            may_fail: BTreeSet::new(),
            bounds: BTreeMap::new(),
            unknown_hosts: BTreeSet::new(),
            may_be_misconfigured: false,
        }
    }
}

impl Terms {
    /// Every invariant is on, including those that are off by default.
    #[cfg(test)]
    pub(super) fn with_every_invariant() -> Self {
        Self { off: BTreeSet::new(), ..Self::default() }
    }

    /// Adds the id of one of the scenario's own invariants.
    pub(crate) fn register(&mut self, id: &str) -> Result<(), String> {
        let is_word =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
        if !id.split('-').all(is_word) {
            return Err(format!(
                "`{id}` is not a valid invariant id: write lower-case words with dashes, `no-two-leaders`"
            ));
        }
        if CATALOGUE.iter().any(|about| about.id == id) {
            return Err(format!("`{id}` is the id of a built-in invariant"));
        }
        if self.own.len() == OWN_MAX {
            return Err(format!("a scenario has at most {OWN_MAX} invariants of its own"));
        }
        if !self.own.insert(id.to_owned()) {
            return Err(format!("two invariants have the id `{id}`"));
        }
        Ok(())
    }

    /// Turns an invariant off.
    pub(crate) fn turn_off(&mut self, id: &str) -> Result<(), String> {
        self.off.insert(self.known_id(id)?);
        Ok(())
    }

    /// Turns an invariant on.
    pub(crate) fn turn_on(&mut self, id: &str) -> Result<(), String> {
        self.off.remove(&self.known_id(id)?);
        Ok(())
    }

    /// Declares a known issue: violations of an invariant whose signature or sentence contains all of these parts.
    pub(crate) fn known_issue(&mut self, id: &str, parts: &[&str]) -> Result<(), String> {
        let invariant = self.known_id(id)?;
        self.known.push(KnownIssue { invariant, parts: parts.iter().map(|part| (*part).to_owned()).collect() });
        Ok(())
    }

    /// Allows a client or verifier to fail.
    pub(crate) fn allow_failure(&mut self, client: NodeId) {
        self.may_fail.insert(client);
    }

    /// The clients and verifiers that may fail.
    pub(crate) fn may_fail(&self) -> &BTreeSet<NodeId> {
        &self.may_fail
    }

    /// Returns whether a violation counts: its invariant is on, and it is not a known issue.
    pub(crate) fn counts(&self, violation: &Violation) -> bool {
        !self.is_off(&violation.invariant) && !self.known.iter().any(|known| known.covers(violation))
    }

    /// Sets a bound.
    pub(crate) fn bound(&mut self, id: &str, bound: Bound) -> Result<(), String> {
        let id = self.known_id(id)?;
        let about = CATALOGUE.iter().find(|about| about.id == id);
        let Some((about, bounded)) = about.and_then(|about| Some((about, about.bound?))) else {
            let with = CATALOGUE
                .iter()
                .filter(|about| about.bound.is_some())
                .map(|about| about.id)
                .collect::<Vec<_>>()
                .join(", ");
            return Err(format!("`{id}` has no bound; these have: {with}"));
        };
        let wanted = match (bounded.unit, bound) {
            (BoundUnit::Time, Bound::Time(time)) if !time.is_zero() => None,
            (BoundUnit::Bytes | BoundUnit::Times, Bound::Number(1..)) => None,
            (BoundUnit::Time, _) => Some("a `Duration` above zero"),
            (BoundUnit::Bytes, _) => Some("a number of bytes above zero"),
            (BoundUnit::Times, _) => Some("a number above zero"),
        };
        if let Some(wanted) = wanted {
            return Err(format!("the bound of `{id}` is {wanted} ({}), not {bound:?}", bounded.what));
        }
        self.bounds.insert(about.id, bound);
        Ok(())
    }

    /// The id, if an invariant has it: a built-in one, or one of the scenario's own.
    fn known_id(&self, id: &str) -> Result<String, String> {
        let all = || CATALOGUE.iter().map(|about| about.id).chain(self.own.iter().map(String::as_str));
        if all().any(|known| known == id) {
            return Ok(id.to_owned());
        }
        let near = match nearest(id, all()).first() {
            Some(near) => format!("did you mean `{near}`? "),
            None => String::new(),
        };
        Err(format!("no invariant `{id}`: {near}there are {}", all().collect::<Vec<_>>().join(", ")))
    }

    /// Allows look-ups of a host name that no node has.
    pub(crate) fn expect_unknown_host(&mut self, name: &str) {
        self.unknown_hosts.insert(name.to_owned());
    }

    /// Allows calls that fail because of the setup.
    pub(crate) fn allow_misconfiguration(&mut self) {
        self.may_be_misconfigured = true;
    }

    /// Returns whether calls may fail because of the setup.
    pub(crate) fn allows_misconfiguration(&self) -> bool {
        self.may_be_misconfigured
    }

    /// Returns whether look-ups of this host name are allowed, although no node has it.
    pub(crate) fn expects_unknown_host(&self, name: &str) -> bool {
        self.unknown_hosts.contains(name)
    }

    /// Returns whether an invariant is off.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_unknown_name_gives_the_nearest_and_the_list() {
        let error = Terms::default().turn_off("no-crashloop").expect_err("there is none");
        assert!(
            error.starts_with("no invariant `no-crashloop`: did you mean `no-crash-loop`? there are always, "),
            "{error}"
        );
        assert!(Terms::default().turn_on("xyzzy-and-more").expect_err("there is none").contains("`: there are always"));
    }

    #[test]
    fn a_known_issue_covers_violations_that_have_all_of_its_parts() {
        let violation = Violation {
            invariant: "no-use-after-teardown".to_owned(),
            class: "files".to_owned(),
            sites: vec!["loader/download.rs".to_owned()],
            subject: String::new(),
            sentence: "replica-1 used files by a task of a round that a cancel had ended".to_owned(),
            at: afterlife_sim::event::Seq::NONE,
            turning: Vec::new(),
            origins: Vec::new(),
        };
        let is_known = |id: &str, parts: &[&str]| {
            let mut terms = Terms::default();
            terms.known_issue(id, parts).map(|()| !terms.counts(&violation))
        };
        assert_eq!(is_known("no-use-after-teardown", &["files", "a cancel"]), Ok(true));
        assert_eq!(is_known("no-use-after-teardown", &[]), Ok(true));
        assert_eq!(is_known("no-use-after-teardown", &["files", "a new role"]), Ok(false));
        assert_eq!(is_known("close-once", &["files"]), Ok(false));
        assert!(is_known("no-use-after-tear-down", &[]).is_err_and(|why| why.contains("did you mean")));
    }

    #[test]
    fn a_violation_of_an_invariant_that_is_off_does_not_count() {
        let crash = Violation {
            invariant: "no-crash".to_owned(),
            class: "SIGSEGV".to_owned(),
            sites: vec!["server".to_owned()],
            subject: String::new(),
            sentence: String::new(),
            at: afterlife_sim::event::Seq::NONE,
            turning: Vec::new(),
            origins: Vec::new(),
        };
        let mut terms = Terms::default();
        assert!(terms.counts(&crash));
        terms.turn_off("no-crash").expect("it is in the catalogue");
        assert!(!terms.counts(&crash));
        let travelled: Terms = serde_json::from_str(&serde_json::to_string(&terms).unwrap()).unwrap();
        assert!(!travelled.counts(&crash));
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
            "the bound of `no-crash-loop` is a number above zero (the number of such ends in a row that make a loop), not Time(10s)"
        );
        let none = terms.bound("bounded-shutdown", Duration::ZERO.into()).expect_err("nobody stops in no time");
        assert!(none.contains("a `Duration` above zero"), "{none}");
        let without = terms.bound("close-once", 1.into()).expect_err("it has none");
        assert!(without.starts_with("`close-once` has no bound; these have: bounded-request, "), "{without}");
    }

    #[test]
    fn an_invariant_of_the_scenarios_own_has_an_id_like_any_other() {
        let mut terms = Terms::default();
        assert!(terms.turn_off("no-two-leaders").is_err());
        assert_eq!(terms.register("no-two-leaders"), Ok(()));
        assert_eq!(terms.turn_off("no-two-leaders"), Ok(()));
        assert!(terms.is_off("no-two-leaders"));
        assert_eq!(terms.known_issue("no-two-leaders", &["master"]), Ok(()));
        assert!(terms.bound("no-two-leaders", 1.into()).is_err_and(|why| why.contains("has no bound")));
        assert_eq!(terms.register("no-two-leaders"), Err("two invariants have the id `no-two-leaders`".to_owned()));
        assert_eq!(terms.register("close-once"), Err("`close-once` is the id of a built-in invariant".to_owned()));
        assert!(terms.register("Two leaders").is_err());
        let why = terms.turn_off("no-two-leader").expect_err("it is mistyped");
        assert!(why.contains("did you mean `no-two-leaders`?"), "{why}");
    }
}
