//! The command `list`: scenarios or engines.

use crate::cli::context::human;
use crate::cli::select;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::report::{Line, Tone, WIDTH, count, engines, keep_start, wrap};
use crate::scenario::definition::Scenario;

pub(in crate::cli) fn list(scenarios: &[Scenario]) -> Result<Verdict, Refusal> {
    let mut lines = Vec::new();
    for scenario in select::matching(scenarios, None)? {
        let builds: Vec<_> = scenario.declared_builds().iter().map(|build| build.label()).collect();
        let size = format!("{}; {} runs", builds.join(", "), count(scenario.seed_count()));
        lines.push(Line::of(Tone::Strong, scenario.name()).at_right(Tone::Plain, &size, 0));
        lines.extend(
            wrap(scenario.summary(), WIDTH - 2).into_iter().map(|text| Line::of(Tone::Plain, format!("  {text}"))),
        );
        if !scenario.upstream_issue().is_empty() {
            lines.push(Line::of(Tone::Faint, format!("  {}", keep_start(scenario.upstream_issue(), WIDTH - 2))));
        }
    }
    human().print(&lines);
    Ok(Verdict::Held)
}

pub(in crate::cli) fn list_engines() -> Result<Verdict, Refusal> {
    human().print(&engines());
    Ok(Verdict::Held)
}
