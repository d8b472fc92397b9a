//! *always*, for probes: each `always!` that the code passes holds. `sometimes!`, which must hold only once, is a matter of a
//! campaign.

use super::contract::{Facts, Monitor};
use super::site::file_of;
use crate::model::violation::Violation;
use afterlife_sim::event::{Event, What};

pub(super) const ID: &str = "always";

/// Stateless: each evaluation is an event.
pub(super) struct ProbedClaims;

impl Monitor for ProbedClaims {
    fn id(&self) -> &'static str {
        ID
    }

    fn wants(&self, what: &What) -> bool {
        matches!(what, What::Claim { .. })
    }

    fn event(&mut self, event: &Event, facts: &dyn Facts) -> Option<Violation> {
        let What::Claim { claim, always: true, held: false, site } = event.what else { return None };
        let (claim, site) = (facts.text(claim), facts.text(site));
        Some(Violation {
            invariant: ID.to_owned(),
            class: claim.to_owned(),
            sites: vec![file_of(site)],
            subject: site.to_owned(),
            sentence: format!("this did not hold on {}: {claim}", facts.node(event.node)),
            at: event.seq,
            turning: Vec::new(),
            origins: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Script, run};
    use super::*;

    #[test]
    fn a_claim_that_does_not_hold_breaks_it_and_one_that_holds_does_not() {
        let mut script = Script::new();
        script.claim("the ballot grows", true).claim("the ballot grows", false);
        let [violation] = &run(ProbedClaims, script)[..] else { panic!("one violation") };
        assert_eq!(violation.sentence, "this did not hold on node-0: the ballot grows");
    }
}
