//! Turns the reply of a run into a finding, and compares two runs of one request.

use super::outcome::Nondeterminism;
use crate::failure::failing_run::{FailingRun, Totals};
use crate::failure::finding::Finding;
use crate::failure::token::Token;
use crate::model::violation::Signature;
use crate::run::request::{Reply, Request};

/// The signature of the first violation. Later ones are most likely its consequences.
pub(super) fn broken(reply: &Reply) -> Option<Signature> {
    reply.violations.first().map(|violation| violation.signature())
}

/// The finding in the reply to a recorded request, if anything broke.
pub(crate) fn failing_run(request: &Request, confirmed: Reply, first_run: u64) -> Option<FailingRun> {
    let mut violations = confirmed.violations.into_iter();
    let violation = violations.next()?;
    let signature = violation.signature();
    let mut also: Vec<_> = violations.map(|violation| violation.signature()).collect();
    also.sort();
    also.dedup();
    also.retain(|other| *other != signature);
    let finding = Finding {
        signature,
        violation,
        first_run,
        seed: request.seed,
        plan: confirmed.plan,
        digest: confirmed.digest,
        token: Token::of(request).to_string(),
    };
    Some(FailingRun {
        finding,
        scenario: request.scenario.clone(),
        build: request.build,
        ended: confirmed.ended,
        record: confirmed.record.unwrap_or_default(),
        totals: Totals { events: confirmed.events, virtual_ns: confirmed.virtual_ns },
        also,
        stack: confirmed.stack,
        shrunk: None,
    })
}

/// Compares two runs of one request. Returns the difference, if there is one.
pub(super) fn compare(seed: u64, first: &Reply, second: &Reply) -> Option<Nondeterminism> {
    let [first, second] = [first, second].map(|reply| (reply.digest, broken(reply)));
    (first != second).then_some(Nondeterminism { seed, first, second })
}
