//! Campaigns as JUnit XML, for what collects test results: a suite for each campaign, a case for each failure.
//! It holds back until all campaigns are over; what each of them found is on disk before that.

use super::line::Line;
use super::measure::plural;
use super::page::page;
use super::paste::Paste;
use crate::failure::failing_run::FailingRun;
use crate::failure::record::Saved;
use crate::search::campaign::{CampaignOptions, Outcome, RegressionOutcome, Reporter};
use anstream::adapter::strip_str;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// Collects suites.
pub(crate) struct Junit {
    report: Report,
    paste: Paste,
    /// Signatures of the campaign that is under way, with their pages.
    pages: Vec<(String, String)>,
}

impl Junit {
    /// Nothing yet.
    pub(crate) fn new(paste: Paste) -> Self {
        Self { report: Report::new("afterlife"), paste, pages: Vec::new() }
    }

    /// The document.
    pub(crate) fn text(&self) -> Result<String, String> {
        self.report.to_string().map_err(|error| error.to_string())
    }
}

impl Reporter for Junit {
    fn begins(&mut self, _: &CampaignOptions) {
        self.pages.clear();
    }

    fn progress(&mut self, _: u64, _: usize) {}

    fn failure(&mut self, failure: &FailingRun, saved: &Saved) {
        let page = plain(&page(failure, Some(saved), &self.paste));
        self.pages.push((failure.finding.signature.0.clone(), page));
    }

    fn ends(&mut self, outcome: &Outcome) {
        let name = format!("{} {}", outcome.scenario, outcome.build);
        let mut suite = TestSuite::new(name.as_str());
        suite.set_time(outcome.elapsed);
        let mut case = |title: &str, status: TestCaseStatus| {
            let mut case = TestCase::new(title, status);
            case.set_classname(name.as_str());
            suite.add_test_case(case);
        };
        for known in &outcome.findings {
            let violation = &known.finding.violation;
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(violation.invariant.as_str()).set_message(violation.sentence.as_str());
            if let Some((_, page)) = self.pages.iter().find(|(signature, _)| *signature == known.finding.signature.0) {
                status.set_description(page.as_str());
            }
            case(&known.finding.signature.0, status);
        }
        if let Some(nondeterminism) = &outcome.nondeterminism {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            let (first, second) = (nondeterminism.first.0, nondeterminism.second.0);
            status.set_type("two-ways").set_message(format!("seed {}: {first}, then {second}", nondeterminism.seed));
            case("one seed ran two ways", status);
        }
        if outcome.tested_nothing() {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("sometimes").set_message(format!("never: {}", outcome.never.join(", ")));
            case("nothing was tested", status);
        }
        for run in &outcome.regressions {
            let status = match &run.outcome {
                RegressionOutcome::Held => TestCaseStatus::success(),
                // It is told as a finding.
                RegressionOutcome::Broke => continue,
                RegressionOutcome::Unfit(why) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                    status.set_type("unfit").set_message(why.as_str());
                    status
                }
            };
            case(&format!("kept: {}", run.regression.place), status);
        }
        if outcome.findings.is_empty() && outcome.nondeterminism.is_none() && !outcome.tested_nothing() {
            case(&format!("held in {}", plural(outcome.runs, "run")), TestCaseStatus::success());
        }
        self.report.add_test_suite(suite);
    }
}

/// Lines without colour.
pub(super) fn plain(lines: &[Line]) -> String {
    lines.iter().map(|line| format!("{}\n", strip_str(&line.to_string()))).collect()
}
