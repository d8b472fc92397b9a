//! Campaigns as JUnit XML for tools that collect test results: one suite per campaign, one case per failure.
//! The document is written when all campaigns have ended. Findings are on disk before that.

use super::account::reasons;
use super::junit_xml::{CaseResult, Document, Reason, Suite};
use super::measure::plural;
use super::page::{page, plain};
use super::paste::Paste;
use crate::failure::failing_run::FailingRun;
use crate::failure::record::SavedRecord;
use crate::search::campaign::{
    CampaignOptions, CampaignOutcome, Counted, NOTHING_RAN, NOTHING_RAN_NEXT, NOTHING_RAN_WHY, RegressionOutcome,
    Reporter,
};

/// Collects suites.
pub(crate) struct Junit {
    document: Document,
    paste: Paste,
    /// The signatures of the running campaign, with their pages.
    pages: Vec<(String, String)>,
}

impl Junit {
    /// An empty document.
    pub(crate) fn new(paste: Paste) -> Self {
        Self { document: Document::default(), paste, pages: Vec::new() }
    }

    /// The document.
    pub(crate) fn text(&self) -> String {
        self.document.to_string()
    }
}

impl Reporter for Junit {
    fn begin(&mut self, _: &CampaignOptions) {
        self.pages.clear();
    }

    fn failure(&mut self, failure: &FailingRun, saved: &SavedRecord) {
        let page = plain(&page(failure, Some(saved), &self.paste));
        self.pages.push((failure.finding.signature.to_string(), page));
    }

    fn end(&mut self, outcome: &CampaignOutcome) {
        let name = format!("{} {}", outcome.scenario, outcome.build);
        let mut suite = Suite::new(name, outcome.elapsed);
        for Counted { finding, .. } in &outcome.findings {
            let violation = &finding.violation;
            let mut reason = Reason::new(&violation.invariant, &violation.sentence);
            if let Some((_, page)) = self.pages.iter().find(|(signature, _)| *signature == finding.signature.as_str()) {
                reason.text.clone_from(page);
            }
            suite.case(finding.signature.as_str(), CaseResult::Failure(reason));
        }
        if let Some(nondeterminism) = &outcome.nondeterminism {
            let (first, second) = (nondeterminism.first.0, nondeterminism.second.0);
            let message = format!("seed {}: {first}, then {second}", nondeterminism.seed);
            suite.case("two runs of one seed differ", CaseResult::Error(Reason::new("two-ways", message)));
        }
        if outcome.tested_nothing() {
            suite.case("nothing was tested", CaseResult::Failure(Reason::new("vacuous", reasons(outcome))));
        }
        if outcome.ran_nothing() {
            let message = format!("{NOTHING_RAN_WHY}; {NOTHING_RAN_NEXT}");
            suite.case(NOTHING_RAN, CaseResult::Failure(Reason::new("vacuous", message)));
        }
        for run in &outcome.regressions {
            let result = match &run.outcome {
                RegressionOutcome::Held => CaseResult::Passed,
                // It is reported as a finding.
                RegressionOutcome::Broke => continue,
                RegressionOutcome::Unfit(why) => CaseResult::Error(Reason::new("unfit", why)),
            };
            suite.case(&format!("regression: {}", run.regression.place), result);
        }
        let failed = outcome.nondeterminism.is_some() || outcome.tested_nothing() || outcome.ran_nothing();
        if outcome.findings.is_empty() && !failed {
            suite.case(&format!("held in {}", plural(outcome.runs, "run")), CaseResult::Passed);
        }
        self.document.add(suite);
    }
}
