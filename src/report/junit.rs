//! Campaigns as JUnit XML for tools that collect test results: one suite per campaign, one case per failure.
//! The document is written when all campaigns have ended. Findings are on disk before that.

use super::account::reasons;
use super::measure::plural;
use super::page::{page, plain};
use super::paste::Paste;
use crate::failure::failing_run::FailingRun;
use crate::failure::record::SavedRecord;
use crate::search::campaign::{CampaignOptions, CampaignOutcome, Counted, RegressionOutcome, Reporter};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// Collects suites.
pub(crate) struct Junit {
    report: Report,
    paste: Paste,
    /// The signatures of the running campaign, with their pages.
    pages: Vec<(String, String)>,
}

impl Junit {
    /// An empty document.
    pub(crate) fn new(paste: Paste) -> Self {
        Self { report: Report::new("afterlife"), paste, pages: Vec::new() }
    }

    /// The document.
    pub(crate) fn text(&self) -> Result<String, String> {
        self.report.to_string().map_err(|error| error.to_string())
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
        let mut suite = TestSuite::new(name.as_str());
        suite.set_time(outcome.elapsed);
        let mut case = |title: &str, status: TestCaseStatus| {
            let mut case = TestCase::new(title, status);
            case.set_classname(name.as_str());
            suite.add_test_case(case);
        };
        for Counted { finding, .. } in &outcome.findings {
            let violation = &finding.violation;
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(violation.invariant.as_str()).set_message(violation.sentence.as_str());
            if let Some((_, page)) = self.pages.iter().find(|(signature, _)| *signature == finding.signature.as_str()) {
                status.set_description(page.as_str());
            }
            case(finding.signature.as_str(), status);
        }
        if let Some(nondeterminism) = &outcome.nondeterminism {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            let (first, second) = (nondeterminism.first.0, nondeterminism.second.0);
            status.set_type("two-ways").set_message(format!("seed {}: {first}, then {second}", nondeterminism.seed));
            case("two runs of one seed differ", status);
        }
        if outcome.tested_nothing() {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("vacuous").set_message(reasons(outcome));
            case("nothing was tested", status);
        }
        for run in &outcome.regressions {
            let status = match &run.outcome {
                RegressionOutcome::Held => TestCaseStatus::success(),
                // It is reported as a finding.
                RegressionOutcome::Broke => continue,
                RegressionOutcome::Unfit(why) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                    status.set_type("unfit").set_message(why.as_str());
                    status
                }
            };
            case(&format!("regression: {}", run.regression.place), status);
        }
        let failed = outcome.nondeterminism.is_some() || outcome.tested_nothing();
        if outcome.findings.is_empty() && !failed {
            case(&format!("held in {}", plural(outcome.runs, "run")), TestCaseStatus::success());
        }
        self.report.add_test_suite(suite);
    }
}
