//! Checks a scenario's own claims: `always`, `eventually`, `sometimes`, and its ledgers.
//! The catalogue of invariants is checked by the judge.

use crate::invariant::{EVENTUALLY, NOTHING_ACKED_IS_LOST, RECOVERS};
use crate::model::duration::span;
use crate::model::violation::Violation;
use crate::scenario::claim::{Claim, Claims, View};
use afterlife_sim::event::Seq;
use std::collections::BTreeMap;

/// The claims of one run, and their state.
pub(super) struct ClaimCheck {
    claims: Claims,
    view: View,
    /// The `sometimes` claims and `reached` points of probes, and whether each was seen.
    probed: BTreeMap<String, bool>,
}

impl ClaimCheck {
    pub(super) fn new(claims: Claims) -> Self {
        Self { claims, view: View::default(), probed: BTreeMap::new() }
    }

    pub(super) fn count_fault(&mut self) {
        self.view.count_fault();
    }

    pub(super) fn count_restart(&mut self) {
        self.view.count_restart();
    }

    pub(super) fn count_exit(&mut self) {
        self.view.count_exit();
    }

    /// Records a probe's `sometimes` claim, and whether it held.
    pub(super) fn probed(&mut self, text: &str, held: bool) {
        *self.probed.entry(text.to_owned()).or_insert(false) |= held;
    }

    /// Evaluates every claim. `eventually` claims count only once faults are over.
    pub(super) fn check(&mut self, at: Seq, now_ns: u64, faults_are_over: bool) -> Option<Violation> {
        self.view.set_now_ns(now_ns);
        for claim in self.claims.sometimes_mut() {
            claim.check_until_held(&self.view);
        }
        if faults_are_over {
            for claim in self.claims.eventually_mut() {
                claim.check(&self.view);
            }
        }
        let broken = self.claims.always().iter().find(|claim| !claim.holds(&self.view))?;
        let sentence = format!("the claim no longer held: {}", broken.text());
        Some(violation("always", broken.text(), sentence, at))
    }

    /// The bounds of the `eventually` claims, in nanoseconds after faults are over.
    pub(super) fn bounds_ns(&self) -> impl Iterator<Item = u64> {
        self.claims.eventually().iter().map(Claim::within_ns)
    }

    /// Checks an `eventually` claim at its bound.
    pub(super) fn check_at_bound(&mut self, index: usize) -> Option<Violation> {
        let claim = &mut self.claims.eventually_mut()[index];
        if claim.check(&self.view) {
            return None;
        }
        let bound = span(claim.within_ns());
        let sentence = format!("the claim did not hold {bound} after the last fault: {}", claim.text());
        Some(violation(EVENTUALLY, claim.text(), sentence, Seq::NONE))
    }

    pub(super) fn has_eventually(&self) -> bool {
        !self.claims.eventually().is_empty()
    }

    /// Returns whether every `eventually` claim holds.
    pub(super) fn all_hold(&self) -> bool {
        self.claims.eventually().iter().all(Claim::held)
    }

    /// A violation for each ledger that lost acknowledged entries.
    pub(super) fn lost(&self) -> Vec<Violation> {
        self.claims.lost().map(|(ledger, missing)| lost_entries(&ledger, &missing)).collect()
    }

    /// The first `eventually` claim that does not hold at the end of the run: its bound may be later.
    pub(super) fn missed(&self) -> Option<Violation> {
        let claim = self.claims.eventually().iter().find(|claim| !claim.holds(&self.view))?;
        let sentence = format!("the claim did not hold at the end of the run: {}", claim.text());
        Some(violation(EVENTUALLY, claim.text(), sentence, Seq::NONE))
    }

    /// Every `sometimes` claim, and whether the run saw it: the scenario's, then the probes'.
    pub(super) fn into_sometimes(self) -> Vec<(String, bool)> {
        let own = self.claims.sometimes().iter().map(|claim| (claim.text().to_owned(), claim.held()));
        own.chain(self.probed).collect()
    }
}

/// A violation of *recovers* by the clients with these names.
pub(super) fn not_recovered(who: &str, sentence: String) -> Violation {
    violation(RECOVERS, who, sentence, Seq::NONE)
}

fn violation(invariant: &str, class: &str, sentence: String, at: Seq) -> Violation {
    Violation {
        invariant: invariant.to_owned(),
        class: class.to_owned(),
        sites: Vec::new(),
        subject: class.to_owned(),
        sentence,
        at,
        turning: Vec::new(),
    }
}

fn lost_entries(ledger: &str, missing: &[String]) -> Violation {
    let shown = missing.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let more = if missing.len() > 3 { format!(" and {} more", missing.len() - 3) } else { String::new() };
    let were = if missing.len() == 1 { "was" } else { "were" };
    let sentence = format!("{shown}{more} {were} acknowledged and missing after recovery");
    Violation {
        subject: format!("{} missing from {ledger}", missing.len()),
        ..violation(NOTHING_ACKED_IS_LOST, ledger, sentence, Seq::NONE)
    }
}
