//! The campaign itself: run, notice, confirm in a fresh process, write down, tell.
//! It does not know where runs happen nor how a finding looks.

use super::comparison::{broken, compare, found};
use super::face::Face;
use super::kept::{self, CameTo, KeptRun};
use super::order::Order;
use super::outcome::{Counted, Outcome, TwoWays};
use super::smaller::shrink;
use crate::failure::failing_run::Found;
use crate::failure::record::Shelf;
use crate::model::refusal::Refusal;
use crate::model::violation::Signature;
use crate::run::request::{Reply, Request};
use crate::runner::Executor;
use crate::search::record_log::with_log;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Carries out an order.
pub(crate) fn run(
    order: &Order,
    executor: &dyn Executor,
    shelf: &Shelf,
    face: &mut dyn Face,
) -> Result<Outcome, Refusal> {
    let begun = Instant::now();
    face.begins(order);
    let mut campaign = Campaign { order, executor, shelf, face, seen: BTreeMap::new(), outcome: nothing_yet(order) };
    let mut refusal = None;
    if campaign.kept()?.is_break() {
        let outcome = campaign.close(begun.elapsed());
        face.ends(&outcome);
        return Ok(outcome);
    }
    executor.in_order(&mut order.requests(), &mut |request, reply| {
        campaign.take(&request, &reply).unwrap_or_else(|refused| {
            refusal = Some(refused);
            ControlFlow::Break(())
        })
    })?;
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    let outcome = campaign.close(begun.elapsed());
    face.ends(&outcome);
    Ok(outcome)
}

struct Campaign<'a> {
    order: &'a Order,
    executor: &'a dyn Executor,
    shelf: &'a Shelf,
    face: &'a mut dyn Face,
    /// Which claims and places there are, and whether some run saw them.
    seen: BTreeMap<String, bool>,
    outcome: Outcome,
}

impl Campaign<'_> {
    /// The runs that broke once. What breaks again is told as it was kept.
    fn kept(&mut self) -> Result<ControlFlow<()>, Refusal> {
        let order = self.order;
        for kept in &order.kept {
            let (request, reply, came_to) = kept::again(self.executor, kept)?;
            self.count(&reply);
            let broke = came_to == CameTo::Broke;
            self.outcome.kept.push(KeptRun { kept: kept.clone(), came_to });
            if !broke {
                continue;
            }
            if let Some(known) = broken(&reply).and_then(|signature| self.known(&signature)) {
                known.times += 1;
                continue;
            }
            let again = match self.confirm(&request, &reply)? {
                Ok(again) => again,
                Err(two_ways) => return Ok(self.stop_at(two_ways)),
            };
            if let Some(found) = found(&request, again, self.outcome.runs) {
                self.write_down(found)?;
            }
        }
        Ok(if self.has_enough() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn known(&mut self, signature: &Signature) -> Option<&mut Counted> {
        self.outcome.findings.iter_mut().find(|known| known.finding.signature == *signature)
    }

    fn has_enough(&self) -> bool {
        let wanted = |counted: &Counted| Some(&*counted.finding.violation.invariant) == self.order.wanted;
        self.outcome.findings.len() >= self.order.failures_max || self.outcome.findings.iter().any(wanted)
    }

    /// Takes the next reply, in the order of the seeds.
    fn take(&mut self, request: &Request, reply: &Reply) -> Result<ControlFlow<()>, Refusal> {
        self.count(reply);
        if let Some(signature) = broken(reply) {
            match self.known(&signature) {
                Some(known) => known.times += 1,
                None => match self.confirm(request, reply)? {
                    Ok(confirmed) => {
                        if let Some(two_ways) = self.tell(request, confirmed)? {
                            return Ok(self.stop_at(two_ways));
                        }
                    }
                    Err(two_ways) => return Ok(self.stop_at(two_ways)),
                },
            }
        } else if Order::is_repeated(request.seed) {
            let again = self.executor.fresh(request)?;
            if let Some(two_ways) = compare(request.seed, reply, &again) {
                return Ok(self.stop_at(two_ways));
            }
            self.outcome.repeated += 1;
        }
        self.face.progress(self.outcome.runs, self.outcome.findings.len());
        Ok(if self.has_enough() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn count(&mut self, reply: &Reply) {
        self.outcome.runs += 1;
        self.outcome.digest = self.outcome.digest.followed_by(reply.digest);
        self.outcome.events += reply.events;
        self.outcome.virtual_ns += reply.virtual_ns;
        self.outcome.cpu_ns += reply.cpu_ns;
        for (name, seen) in &reply.sometimes {
            *self.seen.entry(name.clone()).or_default() |= seen;
        }
    }

    /// Runs a failure again in a fresh process, with its record.
    fn confirm(&self, request: &Request, reply: &Reply) -> Result<Result<Reply, TwoWays>, Refusal> {
        let again = self.executor.fresh(&Request { record: true, ..request.clone() })?;
        Ok(match compare(request.seed, reply, &again) {
            Some(two_ways) => Err(two_ways),
            None => Ok(again),
        })
    }

    /// From confirmed to told: with a smaller plan, if the order pays for one. A campaign that looks for one claim alone leaves
    /// what else it meets as it is.
    fn tell(&mut self, request: &Request, confirmed: Reply) -> Result<Option<TwoWays>, Refusal> {
        let Some(mut found) = found(request, confirmed, self.outcome.runs) else { return Ok(None) };
        let looked_for = self.order.wanted.is_none_or(|wanted| wanted == found.finding.violation.invariant);
        if looked_for && self.order.shrink > 0 {
            found = match shrink(self.executor, found, self.order.shrink)? {
                Ok(smaller) => smaller,
                Err(two_ways) => return Ok(Some(two_ways)),
            };
        }
        self.write_down(found)?;
        Ok(None)
    }

    fn write_down(&mut self, found: Found) -> Result<(), Refusal> {
        let found = with_log(self.executor, found)?;
        let saved = self.shelf.save(&found);
        self.face.found(&found, &saved);
        let replays = found.shrunk.as_ref().map_or(0, |shrunk| shrunk.replays);
        let injections = found.injections();
        self.outcome.findings.push(Counted { injections, replays, finding: found.finding, times: 1 });
        Ok(())
    }

    fn stop_at(&mut self, two_ways: TwoWays) -> ControlFlow<()> {
        self.outcome.two_ways = Some(two_ways);
        ControlFlow::Break(())
    }

    fn close(self, elapsed: Duration) -> Outcome {
        let mut outcome = self.outcome;
        outcome.elapsed = elapsed;
        outcome.full = outcome.runs >= self.order.full;
        outcome.never = self.seen.into_iter().filter(|(_, seen)| !seen).map(|(name, _)| name).collect();
        outcome
    }
}

fn nothing_yet(order: &Order) -> Outcome {
    Outcome {
        scenario: order.scenario.clone(),
        build: order.build,
        runs: 0,
        kept: Vec::new(),
        findings: Vec::new(),
        two_ways: None,
        repeated: 0,
        never: Vec::new(),
        full: false,
        digest: Default::default(),
        events: 0,
        virtual_ns: 0,
        cpu_ns: 0,
        elapsed: Duration::ZERO,
    }
}
