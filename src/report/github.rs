//! Campaigns as GitHub Actions shows them: annotations while they run, a summary of the step when they are over.
//! It knows the two formats and their limits; it reads no variable of the environment.

use super::junit::plain;
use super::measure::{count, elapsed, plural};
use super::page::page;
use super::paste::Paste;
use crate::failure::failing_run::FailingRun;
use crate::failure::record::Saved;
use crate::model::verdict::Verdict;
use crate::search::campaign::{CampaignOptions, Outcome, RegressionOutcome, Reporter};
use std::io::Write;

/// GitHub shows ten annotations of a kind for a step, and drops the others without a word.
const ANNOTATIONS_MAX: usize = 10;

/// A summary above a mebibyte is dropped whole: so many pages are far from it.
const PAGES_MAX: usize = 20;

/// Writes annotations, and collects the summary.
pub(crate) struct Github<W> {
    to: W,
    paste: Paste,
    annotations: usize,
    rows: Vec<String>,
    pages: Vec<String>,
    left_out: usize,
}

impl<W: Write> Github<W> {
    /// Writes annotations there.
    pub(crate) fn new(to: W, paste: Paste) -> Self {
        Self { to, paste, annotations: 0, rows: Vec::new(), pages: Vec::new(), left_out: 0 }
    }

    fn annotate(&mut self, title: &str, message: &str) {
        self.annotations += 1;
        let said = match self.annotations {
            0..ANNOTATIONS_MAX => format!("::error title={}::{}", property(title), data(message)),
            ANNOTATIONS_MAX => "::error title=afterlife::there are more: see the summary and the records".to_owned(),
            _ => return,
        };
        // A reader that has left needs no report.
        let _ = writeln!(self.to, "{said}").and_then(|()| self.to.flush());
    }

    /// The summary of the step, as Markdown.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::from(
            "## afterlife\n\n| scenario | build | what came of it | runs | plan | token |\n|---|---|---|---:|---:|---|\n",
        );
        for row in &self.rows {
            text.push_str(row);
        }
        for page in &self.pages {
            text.push_str(page);
        }
        if self.left_out > 0 {
            text.push_str(&format!("\n{} more, each in its record.\n", plural(self.left_out as u64, "page")));
        }
        text
    }
}

impl<W: Write> Reporter for Github<W> {
    fn begins(&mut self, _: &CampaignOptions) {}

    fn progress(&mut self, _: u64, _: usize) {}

    fn failure(&mut self, failure: &FailingRun, saved: &Saved) {
        let violation = &failure.finding.violation;
        let title = format!("{} {}: {}", failure.scenario, failure.build, violation.invariant);
        self.annotate(&title, &format!("{}\n{}", violation.sentence, self.paste.replay(&failure.finding.token)));
        if self.pages.len() == PAGES_MAX {
            self.left_out += 1;
            return;
        }
        let page = plain(&page(failure, Some(saved), &self.paste));
        // A fence is longer than any that the page could have.
        let fence = "`".repeat(3.max(longest_row_of_ticks(&page) + 1));
        self.pages.push(format!(
            "\n<details><summary>{}</summary>\n\n{fence}text\n{page}{fence}\n\n</details>\n",
            html(&format!("{title}: {}", violation.subject))
        ));
    }

    fn ends(&mut self, outcome: &Outcome) {
        let mut row = |what: &str, runs: u64, plan: Option<usize>, token: &str| {
            let plan = plan.map_or("–".to_owned(), |plan| count(plan as u64));
            let token = if token.is_empty() { String::new() } else { format!("`{token}`") };
            let (scenario, build) = (cell(&outcome.scenario), outcome.build);
            self.rows.push(format!("| {scenario} | {build} | {} | {} | {plan} | {token} |\n", cell(what), count(runs)));
        };
        for known in &outcome.findings {
            let finding = &known.finding;
            row(&finding.signature.0, finding.first_run, known.injections, &finding.token);
        }
        let took = elapsed(outcome.elapsed);
        match outcome.verdict() {
            Verdict::Held => row(&format!("held, in {took}"), outcome.runs, None, ""),
            _ if outcome.tested_nothing() => {
                row(&format!("nothing was tested: never {}", outcome.never.join(", ")), outcome.runs, None, "");
            }
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
            row(&format!("seed {} ran two ways", nondeterminism.seed), outcome.runs, None, "");
        }
        let name = format!("{} {}", outcome.scenario, outcome.build);
        for (place, why) in &unfit {
            self.annotate(&name, &format!("{place} no longer fits: {why}"));
        }
        if let Some(nondeterminism) = &outcome.nondeterminism {
            self.annotate(&name, &format!("seed {} ran two ways", nondeterminism.seed));
        }
        if outcome.tested_nothing() {
            self.annotate(&name, &format!("nothing was tested: never {}", outcome.never.join(", ")));
        }
    }
}

/// The value of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A cell of a table of Markdown, in which nothing is markup.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for letter in text.chars() {
        match letter {
            '\n' | '\r' => cell.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => cell.extend(['\\', letter]),
            _ => cell.push_str(&html(letter.encode_utf8(&mut [0; 4]))),
        }
    }
    cell
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn longest_row_of_ticks(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::sample::use_after_teardown;

    #[test]
    fn what_is_markup_elsewhere_is_text_there() {
        assert_eq!(data("100 %\r\nof: a, b"), "100 %25%0D%0Aof: a, b");
        assert_eq!(property("a: 5 %, b\n"), "a%3A 5 %25%2C b%0A");
        assert_eq!(cell("a|b `c` <d> *e*\nf & g_h"), "a\\|b \\`c\\` &lt;d&gt; \\*e\\* f &amp; g\\_h");
        assert_eq!(longest_row_of_ticks("a `b` ```` c"), 4);
    }

    #[test]
    fn ten_annotations_are_the_most_and_the_tenth_says_so() {
        let mut said = Vec::new();
        let mut github = Github::new(&mut said, Paste::Program { called: "afterlife".into() });
        let saved = Saved { id: "x".into(), folder: "x".into(), unwritten: None };
        (0..30).for_each(|_| github.failure(&use_after_teardown(), &saved));
        assert_eq!((github.pages.len(), github.left_out), (PAGES_MAX, 10));
        assert!(github.summary().len() < 1 << 20);
        let said = String::from_utf8(said).expect("annotations are text");
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), ANNOTATIONS_MAX);
        assert!(lines[8].starts_with("::error title=raft-master shipped%3A no-use-after-teardown::master-0 wrote"));
        assert_eq!(lines[9], "::error title=afterlife::there are more: see the summary and the records");
    }
}
