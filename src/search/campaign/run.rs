//! The steps of a campaign: run, detect a failure, confirm it in a fresh process, record it, report it.

use super::account::Account;
use super::comparison::{broken, compare, failing_run};
use super::options::CampaignOptions;
use super::outcome::{CampaignOutcome, Counted, Nondeterminism};
use super::regressions::{self, RegressionOutcome, RegressionRun};
use super::reporter::Reporter;
use super::shrinking::shrink;
use super::vacuity::{Vacuity, vacuities};
use crate::failure::failing_run::FailingRun;
use crate::failure::record::RecordStore;
use crate::model::refusal::Refusal;
use crate::model::violation::Signature;
use crate::run::request::{Ended, Reply, Request};
use crate::runner::Executor;
use crate::search::run_log::with_log;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Runs a campaign.
pub(crate) fn run(
    options: &CampaignOptions,
    executor: &dyn Executor,
    store: &RecordStore,
    reporter: &mut dyn Reporter,
) -> Result<CampaignOutcome, Refusal> {
    let begun = Instant::now();
    reporter.begin(options);
    let mut campaign =
        Campaign { options, executor, store, reporter, seen: BTreeMap::new(), outcome: empty_outcome(options) };
    let mut refusal = None;
    let begins = match campaign.regressions() {
        Err(refusal) if refusal.is_interruption() => ControlFlow::Break(()),
        begins => begins?,
    };
    if begins.is_break() {
        let outcome = campaign.close(begun.elapsed());
        reporter.end(&outcome);
        return Ok(outcome);
    }
    let ended = executor.in_order(&mut options.requests(), &mut |request, reply| {
        campaign.take(&request, &reply).unwrap_or_else(|refused| {
            refusal = Some(refused);
            ControlFlow::Break(())
        })
    });
    // An interrupted campaign ends with the runs that it has.
    match refusal.map_or_else(|| ended.map_err(Refusal::from), Err) {
        Err(refusal) if !refusal.is_interruption() => return Err(refusal),
        _ => {}
    }
    let outcome = campaign.close(begun.elapsed());
    reporter.end(&outcome);
    Ok(outcome)
}

struct Campaign<'a> {
    options: &'a CampaignOptions,
    executor: &'a dyn Executor,
    store: &'a RecordStore,
    reporter: &'a mut dyn Reporter,
    /// The known claims and places, true if some run saw them.
    seen: BTreeMap<String, bool>,
    outcome: CampaignOutcome,
}

impl Campaign<'_> {
    /// Replays the regressions. One that breaks again is reported with the plan that was saved.
    fn regressions(&mut self) -> Result<ControlFlow<()>, Refusal> {
        let options = self.options;
        for regression in &options.regressions {
            let (request, reply, outcome) = regressions::replay(self.executor, regression)?;
            self.count(&reply);
            let broke = outcome == RegressionOutcome::Broke;
            self.outcome.regressions.push(RegressionRun { regression: regression.clone(), outcome });
            if !broke {
                continue;
            }
            if let Some(known) = broken(&reply).and_then(|signature| self.known(&signature)) {
                known.times += 1;
                continue;
            }
            let again = match self.confirm(&request, &reply)? {
                Ok(again) => again,
                Err(nondeterminism) => return Ok(self.stop_at(nondeterminism)),
            };
            if let Some(failure) = failing_run(&request, again, self.outcome.runs) {
                self.save_and_report(failure)?;
            }
        }
        Ok(if self.has_enough() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn known(&mut self, signature: &Signature) -> Option<&mut Counted> {
        self.outcome.findings.iter_mut().find(|known| known.finding.signature == *signature)
    }

    fn has_enough(&self) -> bool {
        let wanted = |counted: &Counted| Some(&*counted.finding.violation.invariant) == self.options.wanted;
        self.outcome.findings.len() >= self.options.failures_max || self.outcome.findings.iter().any(wanted)
    }

    /// Processes the next reply, in the order of the seeds.
    fn take(&mut self, request: &Request, reply: &Reply) -> Result<ControlFlow<()>, Refusal> {
        self.count(reply);
        if let Some(signature) = broken(reply) {
            match self.known(&signature) {
                Some(known) => known.times += 1,
                None => match self.confirm(request, reply)? {
                    Ok(confirmed) => {
                        if let Some(nondeterminism) = self.shrink_and_report(request, confirmed)? {
                            return Ok(self.stop_at(nondeterminism));
                        }
                    }
                    Err(nondeterminism) => return Ok(self.stop_at(nondeterminism)),
                },
            }
        } else if CampaignOptions::is_repeated(request.seed) {
            let again = self.executor.fresh(request)?;
            if let Some(nondeterminism) = compare(request.seed, reply, &again) {
                return Ok(self.stop_at(nondeterminism));
            }
            self.outcome.repeated += 1;
        }
        self.reporter.progress(self.outcome.runs, self.outcome.findings.len());
        Ok(if self.has_enough() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn count(&mut self, reply: &Reply) {
        self.outcome.runs += 1;
        self.outcome.digest = self.outcome.digest.followed_by(reply.digest);
        self.outcome.events += reply.events;
        self.outcome.virtual_ns += reply.virtual_ns;
        self.outcome.cpu_ns += reply.cpu_ns;
        // A run that could not reply has no account.
        if reply.ended == Ended::Whole && !reply.account.nodes.is_empty() {
            self.outcome.account.add(&reply.account);
        }
        for (name, seen) in &reply.sometimes {
            *self.seen.entry(name.clone()).or_default() |= seen;
        }
    }

    /// Repeats a failing run in a fresh process, with its record.
    fn confirm(&self, request: &Request, reply: &Reply) -> Result<Result<Reply, Nondeterminism>, Refusal> {
        let again = self.executor.fresh(&Request { record: true, ..request.clone() })?;
        Ok(match compare(request.seed, reply, &again) {
            // The machine ended the first run, not the program: the second one counts.
            Some(_) if reply.ended.is_doubtful() && !again.ended.is_doubtful() => Ok(again),
            Some(nondeterminism) => Err(nondeterminism),
            None => Ok(again),
        })
    }

    /// Shrinks a confirmed failure, if the options allow replays, and reports it. A campaign that searches for one claim does not
    /// shrink other failures.
    fn shrink_and_report(&mut self, request: &Request, confirmed: Reply) -> Result<Option<Nondeterminism>, Refusal> {
        let Some(mut failure) = failing_run(request, confirmed, self.outcome.runs) else { return Ok(None) };
        let looked_for = self.options.wanted.is_none_or(|wanted| wanted == failure.finding.violation.invariant);
        if looked_for && self.options.shrink > 0 {
            failure = match shrink(self.executor, failure.clone(), self.options.shrink) {
                Ok(Ok(smaller)) => smaller,
                Ok(Err(nondeterminism)) => return Ok(Some(nondeterminism)),
                // It is confirmed, so it is reported as it is.
                Err(refusal) if refusal.is_interruption() => failure,
                Err(refusal) => return Err(refusal),
            };
        }
        self.save_and_report(failure)?;
        Ok(None)
    }

    fn save_and_report(&mut self, failure: FailingRun) -> Result<(), Refusal> {
        let failure = with_log(self.executor, failure)?;
        let saved = self.store.save(&failure);
        self.reporter.failure(&failure, &saved);
        let replays = failure.shrunk.as_ref().map_or(0, |shrunk| shrunk.replays);
        let injections = failure.injections();
        self.outcome.findings.push(Counted { injections, replays, finding: failure.finding, times: 1 });
        Ok(())
    }

    fn stop_at(&mut self, nondeterminism: Nondeterminism) -> ControlFlow<()> {
        self.outcome.nondeterminism = Some(nondeterminism);
        ControlFlow::Break(())
    }

    fn close(self, elapsed: Duration) -> CampaignOutcome {
        let mut outcome = self.outcome;
        outcome.elapsed = elapsed;
        let is_full = outcome.runs >= self.options.full;
        outcome.never = self.seen.into_iter().filter(|(_, seen)| !seen).map(|(name, _)| name).collect();
        outcome.vacuous = match outcome.runs {
            0 => vec![Vacuity::NoRun],
            _ => vacuities(&outcome.account, &outcome.never, is_full),
        };
        outcome
    }
}

fn empty_outcome(options: &CampaignOptions) -> CampaignOutcome {
    CampaignOutcome {
        scenario: options.scenario.clone(),
        build: options.build,
        runs: 0,
        regressions: Vec::new(),
        findings: Vec::new(),
        nondeterminism: None,
        repeated: 0,
        never: Vec::new(),
        account: Account::default(),
        vacuous: Vec::new(),
        digest: Default::default(),
        events: 0,
        virtual_ns: 0,
        cpu_ns: 0,
        elapsed: Duration::ZERO,
    }
}
