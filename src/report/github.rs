//! Campaigns for GitHub Actions: annotations while they run, and a summary of the step at the end.
//! This file knows the two formats and their limits. It reads no environment variables.

use super::account::reasons;
use super::measure::{count, elapsed, plural};
use super::page::{page, plain};
use super::paste::Paste;
use crate::failure::failing_run::FailingRun;
use crate::failure::record::SavedRecord;
use crate::model::verdict::Verdict;
use crate::model::visible::visible;
use crate::search::campaign::{CampaignOutcome, Counted, Nondeterminism, RegressionOutcome, Reporter};
use std::io::Write;

/// GitHub shows ten annotations of one kind per step and drops the rest silently.
const ANNOTATIONS_MAX: usize = 10;

/// GitHub drops a summary above one mebibyte. This many pages stay far below that.
const PAGES_MAX: usize = 20;

/// Writes annotations and collects the summary.
pub(crate) struct Github<W> {
    to: W,
    paste: Paste,
    annotations: usize,
    rows: Vec<String>,
    pages: Vec<String>,
    omitted: usize,
}

impl<W: Write> Github<W> {
    /// A reporter that writes annotations to `to`.
    pub(crate) fn new(to: W, paste: Paste) -> Self {
        Self { to, paste, annotations: 0, rows: Vec::new(), pages: Vec::new(), omitted: 0 }
    }

    fn annotate(&mut self, title: &str, message: &str) {
        self.annotations += 1;
        let line = match self.annotations {
            0..ANNOTATIONS_MAX => format!("::error title={}::{}", property(title), data(message)),
            ANNOTATIONS_MAX => "::error title=afterlife::more findings: see the summary and the records".to_owned(),
            _ => return,
        };
        // Nobody reads a closed pipe.
        let _ = writeln!(self.to, "{line}").and_then(|()| self.to.flush());
    }

    /// The summary of the step, as Markdown.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::from(
            "## afterlife\n\n| scenario | build | result | runs | plan | token |\n|---|---|---|---:|---:|---|\n",
        );
        for row in &self.rows {
            text.push_str(row);
        }
        for page in &self.pages {
            text.push_str(page);
        }
        if self.omitted > 0 {
            text.push_str(&format!("\n{} omitted; each is in its record.\n", plural(self.omitted as u64, "page")));
        }
        text
    }
}

impl<W: Write> Reporter for Github<W> {
    fn failure(&mut self, failure: &FailingRun, saved: &SavedRecord) {
        let violation = &failure.finding.violation;
        let title = format!("{} {}: {}", failure.scenario, failure.build, violation.invariant);
        self.annotate(&title, &format!("{}\n{}", violation.sentence, self.paste.replay_of(failure)));
        if self.pages.len() == PAGES_MAX {
            self.omitted += 1;
            return;
        }
        let page = plain(&page(failure, Some(saved), &self.paste));
        // The fence is longer than any run of backticks in the page.
        let fence = "`".repeat(3.max(longest_run_of_ticks(&page) + 1));
        self.pages.push(format!(
            "\n<details><summary>{}</summary>\n\n{fence}text\n{page}{fence}\n\n</details>\n",
            html(&format!("{title}: {}", violation.subject))
        ));
    }

    fn end(&mut self, outcome: &CampaignOutcome) {
        let mut row = |result: &str, runs: u64, plan: Option<usize>, token: &str| {
            let plan = plan.map_or("–".to_owned(), |plan| count(plan as u64));
            let token = code(token);
            let (scenario, build) = (cell(&outcome.scenario), outcome.build);
            self.rows.push(format!(
                "| {scenario} | {build} | {} | {} | {plan} | {token} |\n",
                cell(result),
                count(runs)
            ));
        };
        for Counted { finding, injections, .. } in &outcome.findings {
            row(finding.signature.as_str(), finding.first_run, *injections, &finding.token);
        }
        let took = elapsed(outcome.elapsed);
        match outcome.verdict() {
            Verdict::Held => row(&format!("held in {took}"), outcome.runs, None, ""),
            _ if outcome.tested_nothing() => row(&nothing_tested(outcome), outcome.runs, None, ""),
            _ => {}
        }
        let unfit = outcome.regressions.iter().filter_map(|run| match &run.outcome {
            RegressionOutcome::Unfit(why) => Some((run.regression.place.clone(), why.clone())),
            _ => None,
        });
        let unfit: Vec<_> = unfit.collect();
        for (place, why) in &unfit {
            row(&format!("{place} no longer fits: {why}"), 1, None, "");
        }
        if let Some(nondeterminism) = &outcome.nondeterminism {
            row(&differs(nondeterminism), outcome.runs, None, "");
        }
        let name = format!("{} {}", outcome.scenario, outcome.build);
        for (place, why) in &unfit {
            self.annotate(&name, &format!("{place} no longer fits: {why}"));
        }
        if let Some(nondeterminism) = &outcome.nondeterminism {
            self.annotate(&name, &differs(nondeterminism));
        }
        if outcome.tested_nothing() {
            self.annotate(&name, &nothing_tested(outcome));
        }
    }
}

fn nothing_tested(outcome: &CampaignOutcome) -> String {
    format!("nothing was tested: {}", reasons(outcome))
}

fn differs(nondeterminism: &Nondeterminism) -> String {
    format!("two runs of seed {} differ", nondeterminism.seed)
}

/// The value of a workflow command.
fn data(text: &str) -> String {
    let lines: Vec<_> = text.replace('\r', "").split('\n').map(|line| visible(line).replace('%', "%25")).collect();
    lines.join("%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A token as code in a cell; as text if it has what would end either.
fn code(token: &str) -> String {
    match token {
        "" => String::new(),
        text if text.contains(['`', '|']) || text.contains(char::is_whitespace) => cell(text),
        text => format!("`{}`", visible(text)),
    }
}

/// A cell of a Markdown table, with all markup escaped.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for letter in visible(&text.replace(['\n', '\r'], " ")).chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => cell.extend(['\\', letter]),
            _ => cell.push_str(&html(letter.encode_utf8(&mut [0; 4]))),
        }
    }
    cell
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn longest_run_of_ticks(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::sample::use_after_teardown;

    #[test]
    fn markup_is_escaped() {
        assert_eq!(data("100 %\r\nof: a, b\u{1b}\u{9b}"), "100 %25%0Aof: a, b\\u{1b}\\u{9b}");
        assert_eq!(property("a: 5 %, b\n"), "a%3A 5 %25%2C b%0A");
        assert_eq!(cell("a|b `c` <d> *e*\nf & g_h"), "a\\|b \\`c\\` &lt;d&gt; \\*e\\* f &amp; g\\_h");
        assert_eq!(code("a2-x-1-AA_A"), "`a2-x-1-AA_A`");
        assert_eq!(code("a2`|<b>"), "a2\\`\\|&lt;b&gt;");
        assert_eq!(longest_run_of_ticks("a `b` ```` c"), 4);
    }

    #[test]
    fn at_most_ten_annotations_are_written_and_the_tenth_says_so() {
        let mut written = Vec::new();
        let mut github = Github::new(&mut written, Paste::Program { called: "afterlife".into(), out: None });
        let saved = SavedRecord { id: "x".into(), folder: "x".into(), unwritten: None, test: None };
        (0..30).for_each(|_| github.failure(&use_after_teardown(), &saved));
        assert_eq!((github.pages.len(), github.omitted), (PAGES_MAX, 10));
        assert!(github.summary().len() < 1 << 20);
        let written = String::from_utf8(written).expect("annotations are text");
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), ANNOTATIONS_MAX);
        assert!(lines[8].starts_with("::error title=raft-master shipped%3A no-use-after-teardown::master-0 wrote"));
        assert_eq!(lines[9], "::error title=afterlife::more findings: see the summary and the records");
    }
}
