//! Checks a scenario's own claims: `always`, `eventually`, `sometimes`, and its ledgers.
//! The catalogue of invariants is checked by the judge.

use crate::invariant::{EVENTUALLY, NOTHING_ACKED_IS_LOST, RECOVERS};
use crate::model::duration::span;
use crate::model::violation::{Origin, Violation};
use crate::scenario::claim::{Acked, Claim, Claims, View};
use afterlife_sim::event::{NodeId, Seq};
use std::collections::BTreeMap;

/// The claims of one run, and their state.
pub(super) struct ClaimCheck {
    claims: Claims,
    view: View,
    /// The `sometimes` claims and `reached` points of probes, and whether each was seen.
    probed: BTreeMap<String, bool>,
    /// The notes of each ledger whose entries must be found.
    noted: Vec<Notes>,
}

/// The notes of a ledger whose entries must be found in another.
#[derive(Default)]
struct Notes {
    /// The first note of each entry.
    first: BTreeMap<String, Seq>,
    /// The event by which the other ledger was complete.
    completed: Option<Seq>,
}

impl ClaimCheck {
    pub(super) fn new(claims: Claims) -> Self {
        let noted = claims.acked().iter().map(|_| Notes::default()).collect();
        Self { claims, view: View::default(), probed: BTreeMap::new(), noted }
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

    /// Records the note of an entry in a ledger.
    pub(super) fn noted(&mut self, ledger: &str, entry: &str, at: Seq) {
        for (_, notes) in self.claims.acked().iter().zip(&mut self.noted).filter(|(acked, _)| acked.acked() == ledger) {
            notes.first.entry(entry.to_owned()).or_insert(at);
        }
    }

    /// Records that a ledger is complete.
    pub(super) fn completed(&mut self, ledger: &str, at: Seq) {
        for (_, notes) in self.claims.acked().iter().zip(&mut self.noted).filter(|(acked, _)| acked.found() == ledger) {
            notes.completed = Some(at);
        }
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

    /// Checks an `eventually` claim at its bound. `unfinished` are the nodes whose end the story looks at if it does not hold.
    pub(super) fn check_at_bound(&mut self, index: usize, unfinished: &[NodeId]) -> Option<Violation> {
        let claim = &mut self.claims.eventually_mut()[index];
        if claim.check(&self.view) {
            return None;
        }
        let bound = span(claim.within_ns());
        let sentence = format!("the claim did not hold {bound} after the last fault: {}", claim.text());
        Some(Violation { origins: ends_of(unfinished), ..violation(EVENTUALLY, claim.text(), sentence, Seq::NONE) })
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
        let lost = |(acked, notes): (&Acked, &Notes)| {
            let missing = acked.missing();
            (!missing.is_empty()).then(|| lost_entries(acked.acked(), &missing, notes))
        };
        self.claims.acked().iter().zip(&self.noted).filter_map(lost).collect()
    }

    /// The first `eventually` claim that does not hold at the end of the run: its bound may be later.
    pub(super) fn missed(&self, unfinished: &[NodeId]) -> Option<Violation> {
        let claim = self.claims.eventually().iter().find(|claim| !claim.holds(&self.view))?;
        let sentence = format!("the claim did not hold at the end of the run: {}", claim.text());
        Some(Violation { origins: ends_of(unfinished), ..violation(EVENTUALLY, claim.text(), sentence, Seq::NONE) })
    }

    /// Every `sometimes` claim, and whether the run saw it: the scenario's, then the probes'.
    pub(super) fn into_sometimes(self) -> Vec<(String, bool)> {
        let own = self.claims.sometimes().iter().map(|claim| (claim.text().to_owned(), claim.held()));
        own.chain(self.probed).collect()
    }
}

/// A violation of *recovers* by these clients, with their names.
pub(super) fn not_recovered(clients: &[NodeId], who: &str, sentence: String) -> Violation {
    Violation { origins: ends_of(clients), ..violation(RECOVERS, who, sentence, Seq::NONE) }
}

/// The story walks back from the end of these nodes.
fn ends_of(nodes: &[NodeId]) -> Vec<Origin> {
    nodes.iter().copied().map(Origin::Node).collect()
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
        origins: Vec::new(),
    }
}

/// The violation by entries that are missing. The story tells of the one that was noted first, of those that the sentence names.
fn lost_entries(ledger: &str, missing: &[String], notes: &Notes) -> Violation {
    let shown = missing.iter().take(3).cloned().collect::<Vec<_>>();
    let noted = shown.iter().filter_map(|entry| notes.first.get(entry)).min();
    let more = if missing.len() > 3 { format!(" and {} more", missing.len() - 3) } else { String::new() };
    let were = if missing.len() == 1 { "was" } else { "were" };
    let sentence = format!("{}{more} {were} acknowledged and missing after recovery", shown.join(", "));
    Violation {
        subject: format!("{} missing from {ledger}", missing.len()),
        origins: noted.copied().map(Origin::Event).into_iter().collect(),
        ..violation(NOTHING_ACKED_IS_LOST, ledger, sentence, notes.completed.unwrap_or(Seq::NONE))
    }
}
