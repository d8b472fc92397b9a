//! The table at the end of the main job: two lines per row, so that the token and the issue fit side by side.

use super::line::{Line, Tone, WIDTH, keep_start};
use super::measure::count;
use crate::model::build::Build;

const BUILD_AT: usize = 20;
const CLAIM_AT: usize = 29;
const RUNS_END: usize = 73;
/// A reference cut any shorter could not be looked up. `list` prints it in full.
const ISSUE_MIN: usize = 10;

/// The result of one scenario in one build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The scenario.
    pub(crate) system: String,
    /// The build.
    pub(crate) build: Build,
    /// The broken invariant; `None` if nothing broke.
    pub(crate) claim: Option<String>,
    /// The runs up to the first failure, or all.
    pub(crate) runs: u64,
    /// The number of injections in the plan of the failure.
    pub(crate) injections: Option<usize>,
    /// The upstream issue.
    pub(crate) issue: String,
    /// The failure's token.
    pub(crate) token: Option<String>,
    /// The scenario expected this result.
    pub(crate) expected: bool,
}

/// The table.
pub(crate) fn table(rows: &[Row]) -> Vec<Line> {
    let mut lines = vec![
        columns(Tone::Strong, "  system", "build", "claim broken", "runs", "plan"),
        Line::of(Tone::Faint, "    token").at_right(Tone::Faint, "upstream issue", 0),
    ];
    for row in rows {
        let (sign, tone) = if row.expected { ("  ", Tone::Plain) } else { ("✗ ", Tone::Bad) };
        let claim = row.claim.as_deref().unwrap_or("none (held)");
        let plan = row.injections.map_or("–".to_owned(), |injections| count(injections as u64));
        let system = format!("{sign}{}", row.system);
        lines.push(columns(tone, &system, row.build.label(), claim, &count(row.runs), &plan));
        if let Some(token) = &row.token {
            let token = Line::of(Tone::Plain, format!("    {token}"));
            lines.push(token.at_right(Tone::Faint, &row.issue, ISSUE_MIN));
        }
    }
    lines
}

fn columns(tone: Tone, system: &str, build: &str, claim: &str, runs: &str, plan: &str) -> Line {
    let line = Line::of(tone, keep_start(system, BUILD_AT - 1)).to(BUILD_AT).put(tone, build).to(CLAIM_AT);
    let line = line.put(tone, keep_start(claim, RUNS_END - CLAIM_AT - 8));
    let line = line.to(RUNS_END - runs.chars().count()).put(tone, runs);
    line.to(WIDTH - plan.chars().count()).put(tone, plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_a_terminal() {
        let row = |build, claim: Option<&str>, runs, expected| Row {
            system: "raft-master".into(),
            build,
            claim: claim.map(str::to_owned),
            runs,
            injections: claim.map(|_| 3),
            issue: "example/raft-master#1234".into(),
            token: claim.map(|_| "a1-raft-master-47-ANPVBA".into()),
            expected,
        };
        let rows = [
            row(Build::new("shipped"), Some("no-use-after-teardown"), 12, true),
            row(Build::new("patched"), None, 10_000, false),
            row(Build::new("sound"), None, 2_000, true),
        ];
        let text: Vec<_> = table(&rows).iter().map(|line| format!("{line:#}")).collect();
        insta::assert_snapshot!(text.join("\n"), @r"
          system            build    claim broken                            runs   plan
            token                                                         upstream issue
          raft-master       shipped  no-use-after-teardown                     12      3
            a1-raft-master-47-ANPVBA                            example/raft-master#1234
        ✗ raft-master       patched  none (held)                           10 000      –
          raft-master       sound    none (held)                            2 000      –
        ");
    }
}
