//! The variants on each engine: whether each was found, in which run, and at how many events per second.
//! One program has one portable engine, so the rows of other builds come from files.

use crate::model::build::Build;
use crate::model::engine::Engine;
use crate::model::refusal::Refusal;
use crate::run::request::{Reply, Request};
use crate::runner::{Executor, RunnerError};
use crate::scenario::definition::Scenario;
use crate::search::variants::{Exposure, expose};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

/// One variant on one engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Across {
    system: String,
    variant: String,
    build: Build,
    claim: String,
    engine: Engine,
    /// The first run in which each campaign found it, from 1; `None` if it did not.
    met: Vec<Option<u64>>,
    /// The number of runs after which a campaign gave up.
    runs_max: u64,
    /// The events of all campaigns of this system, and their processor time in nanoseconds.
    events: u64,
    cpu_ns: u64,
}

/// Searches for each variant of these scenarios on the engine that this program runs them on.
pub(crate) fn across(
    scenarios: &[&Scenario],
    executor: &dyn Executor,
    campaigns: u64,
    runs_max: u64,
    progress: &mut dyn FnMut(&Scenario, Build, u64),
) -> Result<Vec<Across>, Refusal> {
    let mut lines = Vec::new();
    for scenario in scenarios.iter().copied().filter(|scenario| !scenario.known_variants().is_empty()) {
        let counting = Counting { executor, events: Cell::new(0), cpu_ns: Cell::new(0) };
        let exposures = expose(&[scenario], &counting, campaigns, runs_max, progress)?;
        let (events, cpu_ns) = (counting.events.get(), counting.cpu_ns.get());
        lines.extend(exposures.into_iter().map(|Exposure { variant, runs, .. }| Across {
            system: scenario.name().to_owned(),
            variant: variant.name.to_owned(),
            build: variant.build,
            claim: variant.signature.first().unwrap_or(&"").to_string(),
            engine: scenario.engine(),
            met: runs,
            runs_max,
            events,
            cpu_ns,
        }));
    }
    Ok(lines)
}

/// Counts the events and the processor time of another executor's runs.
struct Counting<'a> {
    executor: &'a dyn Executor,
    events: Cell<u64>,
    cpu_ns: Cell<u64>,
}

impl Executor for Counting<'_> {
    fn in_order(
        &self,
        requests: &mut (dyn Iterator<Item = Request> + Send),
        each: &mut dyn FnMut(Request, Reply) -> ControlFlow<()>,
    ) -> Result<(), RunnerError> {
        self.executor.in_order(requests, &mut |request, reply| {
            self.events.set(self.events.get() + reply.events);
            self.cpu_ns.set(self.cpu_ns.get() + reply.cpu_ns);
            each(request, reply)
        })
    }

    fn fresh(&self, request: &Request) -> Result<Reply, RunnerError> {
        self.executor.fresh(request)
    }
}

/// Reads the rows of another build, one JSON object per line.
pub(crate) fn read(path: &Path) -> Result<Vec<Across>, Refusal> {
    let refused = |why: String| {
        let next = "give a file that `engines --lines` of another build wrote".to_owned();
        Refusal::new(format!("{}: {why}", path.display()), next)
    };
    let text = std::fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
    text.lines().map(|line| serde_json::from_str(line).map_err(|error| refused(error.to_string()))).collect()
}

/// The rows as text, for another build.
pub(crate) fn lines(all: &[Across]) -> String {
    let line = |row| serde_json::to_string(row).unwrap_or_else(|error| unreachable!("plain data: {error}"));
    all.iter().map(|row| line(row) + "\n").collect()
}

/// The table as Markdown: one row per variant, one column per engine.
pub(crate) fn markdown(all: &[Across]) -> String {
    let engines: Vec<Engine> =
        Engine::ALL.into_iter().filter(|engine| all.iter().any(|row| row.engine == *engine)).collect();
    let mut rows: Vec<(&str, &str, Build, &str)> = Vec::new();
    let mut cells: BTreeMap<(&str, &str, Build, Engine), String> = BTreeMap::new();
    for found in all {
        let row = (found.system.as_str(), found.variant.as_str(), found.build, found.claim.as_str());
        if !rows.contains(&row) {
            rows.push(row);
        }
        cells.insert((row.0, row.1, row.2, found.engine), cell(found));
    }
    let mut text = String::from("| system | variant | build | claim |");
    engines.iter().for_each(|engine| text += &format!(" {engine} |"));
    text += "\n|---|---|---|---|";
    text += &"---|".repeat(engines.len());
    text += "\n";
    for (system, variant, build, claim) in rows {
        text += &format!("| {system} | {variant} | {build} | {claim} |");
        for engine in &engines {
            let cell = cells.get(&(system, variant, build, *engine)).map_or("cannot be expressed", String::as_str);
            text += &format!(" {cell} |");
        }
        text += "\n";
    }
    text
}

/// The result of one variant: the median run of the campaigns that found it, their number, and the speed.
fn cell(row: &Across) -> String {
    let mut met: Vec<u64> = row.met.iter().flatten().copied().collect();
    met.sort_unstable();
    let found = match met.get(met.len().saturating_sub(1) / 2) {
        Some(median) => format!("run {median} ({} of {})", met.len(), row.met.len()),
        None => format!("not in {} × {} runs", row.met.len(), row.runs_max),
    };
    format!("{found}, {} events/s", u128::from(row.events) * 1_000_000_000 / u128::from(row.cpu_ns.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(engine: Engine, variant: &str, met: &[Option<u64>]) -> Across {
        Across {
            system: "raft".to_owned(),
            variant: variant.to_owned(),
            build: Build::new("shipped"),
            claim: "no-use-after-teardown".to_owned(),
            engine,
            met: met.to_vec(),
            runs_max: 500,
            events: 1_000,
            cpu_ns: 500_000_000,
        }
    }

    #[test]
    fn a_variant_has_one_row_with_the_result_of_each_engine() {
        let all = [
            on(Engine::Native, "M1", &[Some(7), None, Some(3)]),
            on(Engine::Native, "M2", &[Some(1)]),
            on(Engine::Turmoil, "M1", &[None, None, None]),
        ];
        insta::assert_snapshot!(markdown(&all), @r"
        | system | variant | build | claim | native | turmoil |
        |---|---|---|---|---|---|
        | raft | M1 | shipped | no-use-after-teardown | run 3 (2 of 3), 2000 events/s | not in 3 × 500 runs, 2000 events/s |
        | raft | M2 | shipped | no-use-after-teardown | run 1 (1 of 1), 2000 events/s | cannot be expressed |
        ");
    }

    #[test]
    fn rows_round_trip() {
        let all = [on(Engine::Turmoil, "M1", &[Some(7), None])];
        let read: Vec<Across> = lines(&all).lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        assert_eq!(read, all);
    }
}
