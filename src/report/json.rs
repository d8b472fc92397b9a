//! Campaigns as JSON lines for programs: one object per line, the summary last.
//! The keys are public API.

use super::account::reason;
use super::words::{Lexicon, event_line};
use crate::failure::failing_run::FailingRun;
use crate::failure::record::SavedRecord;
use crate::failure::regressions::here;
use crate::model::verdict::Verdict;
use crate::model::violation::Signature;
use crate::model::visible::visible_json;
use crate::search::campaign::{Account, CampaignOutcome, Counted, RegressionOutcome, Reporter};
use afterlife_sim::event::Digest;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

/// Writes lines of JSON.
pub(crate) struct Json<W> {
    to: W,
}

impl<W: Write> Json<W> {
    /// A reporter that writes to `to`.
    pub(crate) fn new(to: W) -> Self {
        Self { to }
    }

    fn line(&mut self, line: &impl Serialize) {
        let Ok(line) = serde_json::to_string(line) else { return };
        // Nobody reads a closed pipe.
        let _ = writeln!(self.to, "{}", visible_json(&line)).and_then(|()| self.to.flush());
    }

    /// Writes the last line, which sums up all campaigns.
    pub(crate) fn summary(&mut self, outcomes: &[CampaignOutcome]) {
        let summary = Summary::of("summary", outcomes);
        self.line(&summary);
    }
}

/// A finding as one object.
pub(crate) fn finding(failure: &FailingRun, saved: &SavedRecord) -> Value {
    let finding = &failure.finding;
    let lexicon = Lexicon::of(&failure.record).with(&failure.finding.plan);
    let story = crate::failure::story::Story::of(failure);
    let steps: Vec<_> = story.steps.iter().map(|step| event_line(step.event, &lexicon)).collect();
    json!({
        "kind": "finding",
        "scenario": failure.scenario,
        "build": failure.build,
        "signature": finding.signature,
        "invariant": finding.violation.invariant,
        "subject": finding.violation.subject,
        "sentence": finding.violation.sentence,
        "also": failure.also,
        "stack": failure.stack,
        "first_run": finding.first_run,
        "seed": finding.seed,
        "token": finding.token,
        "injections": failure.injections(),
        "plan": finding.plan,
        "shrunk": failure.shrunk,
        "digest": finding.digest.to_string(),
        "events": failure.totals.events,
        "virtual_ns": failure.totals.virtual_ns,
        "steps": steps,
        "stacks": failure.record.stacks,
        "id": saved.id,
        "path": saved.unwritten.is_none().then(|| here(&saved.folder)),
        "unwritten": saved.unwritten,
    })
}

impl<W: Write> Reporter for Json<W> {
    fn failure(&mut self, failure: &FailingRun, saved: &SavedRecord) {
        self.line(&finding(failure, saved));
    }

    fn end(&mut self, outcome: &CampaignOutcome) {
        if let Some(nondeterminism) = &outcome.nondeterminism {
            let side = |(digest, signature): &(Digest, Option<Signature>)| {
                let digest = digest.to_string();
                json!({ "digest": digest, "signature": signature })
            };
            self.line(&json!({
                "kind": "two_ways",
                "scenario": outcome.scenario,
                "build": outcome.build,
                "seed": nondeterminism.seed,
                "first": side(&nondeterminism.first),
                "second": side(&nondeterminism.second),
            }));
        }
        for run in &outcome.regressions {
            let (result, why) = match &run.outcome {
                RegressionOutcome::Held => ("held", ""),
                RegressionOutcome::Broke => ("broke", ""),
                RegressionOutcome::Unfit(why) => ("unfit", why.as_str()),
            };
            self.line(&json!({
                "kind": "kept",
                "scenario": outcome.scenario,
                "build": outcome.build,
                "place": run.regression.place,
                "token": run.regression.token.to_string(),
                "came_to": result,
                "why": why,
            }));
        }
        if !outcome.never.is_empty() {
            self.line(&json!({
                "kind": "never",
                "scenario": outcome.scenario,
                "build": outcome.build,
                "claims": outcome.never,
                "fails": outcome.verdict() == Verdict::Vacuous,
            }));
        }
        let campaign = Summary::of("campaign", std::slice::from_ref(outcome));
        self.line(&campaign);
    }
}

#[derive(Serialize)]
struct Summary<'a> {
    kind: &'a str,
    scenario: String,
    build: String,
    runs: u64,
    findings: Vec<SummaryFinding<'a>>,
    held: bool,
    digest: String,
    events: u64,
    virtual_ns: u64,
    cpu_ns: u64,
    pairs: Pairs,
    /// The reasons why the campaigns tested nothing, each as a sentence.
    vacuous: Vec<String>,
    /// The account of each campaign, by scenario and build.
    account: BTreeMap<String, &'a Account>,
}

#[derive(Serialize)]
struct SummaryFinding<'a> {
    signature: &'a str,
    invariant: &'a str,
    first_run: u64,
    token: &'a str,
    /// `null` if the run's process ended before it reported its plan.
    injections: Option<usize>,
    replays_to_shrink: u64,
}

/// Pairs of events seen in both orders, and in only one. The random search counts none.
#[derive(Default, Serialize)]
struct Pairs {
    both: u64,
    one: u64,
}

impl<'a> Summary<'a> {
    fn of(kind: &'a str, outcomes: &'a [CampaignOutcome]) -> Self {
        let together = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(",");
        let findings = outcomes.iter().flat_map(|outcome| &outcome.findings).map(
            |Counted { finding, injections, replays, .. }| SummaryFinding {
                signature: finding.signature.as_str(),
                invariant: &finding.violation.invariant,
                first_run: finding.first_run,
                token: &finding.token,
                injections: *injections,
                replays_to_shrink: *replays,
            },
        );
        Self {
            kind,
            scenario: together(outcomes.iter().map(|outcome| outcome.scenario.clone()).collect()),
            build: together(outcomes.iter().map(|outcome| outcome.build.to_string()).collect()),
            runs: outcomes.iter().map(|outcome| outcome.runs).sum(),
            findings: findings.collect(),
            held: outcomes.iter().all(|outcome| outcome.verdict() == Verdict::Held),
            digest: outcomes.iter().fold(Digest::default(), |sum, outcome| sum.followed_by(outcome.digest)).to_string(),
            events: outcomes.iter().map(|outcome| outcome.events).sum(),
            virtual_ns: outcomes.iter().map(|outcome| outcome.virtual_ns).sum(),
            cpu_ns: outcomes.iter().map(|outcome| outcome.cpu_ns).sum(),
            pairs: Pairs::default(),
            vacuous: outcomes.iter().flat_map(|outcome| outcome.vacuous().iter().map(reason)).collect(),
            account: outcomes
                .iter()
                .map(|outcome| (format!("{} {}", outcome.scenario, outcome.build), outcome.account()))
                .collect(),
        }
    }
}
