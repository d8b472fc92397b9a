//! The number of runs until each variant is found: campaigns with different first seeds, each until it has found all variants.
//! It confirms and shrinks nothing; its result is a table.

use crate::failure::token::Token;
use crate::model::build::Build;
use crate::model::refusal::Refusal;
use crate::runner::Executor;
use crate::scenario::definition::Scenario;
use crate::scenario::variant::Variant;
use std::ops::ControlFlow;

/// The runs in which a variant was first found.
#[derive(Clone, Debug)]
pub(crate) struct Exposure<'a> {
    /// The scenario.
    pub(crate) scenario: &'a Scenario,
    /// The variant.
    pub(crate) variant: &'a Variant,
    /// The first run in which each campaign found it, from 1; `None` if it did not.
    pub(crate) runs: Vec<Option<u64>>,
}

impl Exposure<'_> {
    /// The median of the campaigns, if at least half of them found it. A campaign that did not counts as the longest.
    pub(crate) fn median(&self) -> Option<u64> {
        let mut runs: Vec<u64> = self.runs.iter().map(|run| run.unwrap_or(u64::MAX)).collect();
        runs.sort_unstable();
        runs.get(runs.len().checked_sub(1)? / 2).copied().filter(|run| *run != u64::MAX)
    }
}

/// The distance between the first seeds of two campaigns.
const SEEDS_APART: u64 = 1 << 32;

/// Runs `campaigns` campaigns of at most `runs_max` runs of each build that has variants. Calls `progress` after each.
pub(crate) fn expose<'a>(
    scenarios: &[&'a Scenario],
    executor: &dyn Executor,
    campaigns: u64,
    runs_max: u64,
    progress: &mut dyn FnMut(&Scenario, Build, u64),
) -> Result<Vec<Exposure<'a>>, Refusal> {
    let mut table = Vec::new();
    for scenario in scenarios {
        for build in scenario.declared_builds() {
            let of_build = scenario.known_variants().iter().filter(|variant| variant.build == *build);
            let mut exposures: Vec<Exposure<'a>> =
                of_build.map(|variant| Exposure { scenario, variant, runs: Vec::new() }).collect();
            for campaign in 0..if exposures.is_empty() { 0 } else { campaigns } {
                one(scenario, *build, executor, campaign * SEEDS_APART, runs_max, &mut exposures)?;
                progress(scenario, *build, campaign + 1);
            }
            table.extend(exposures);
        }
    }
    Ok(table)
}

fn one(
    scenario: &Scenario,
    build: Build,
    executor: &dyn Executor,
    first_seed: u64,
    runs_max: u64,
    exposures: &mut [Exposure<'_>],
) -> Result<(), Refusal> {
    let token =
        |seed| Token { scenario: scenario.name().to_owned(), build, engine: scenario.engine(), seed, plan: None };
    let mut requests = (first_seed..first_seed.saturating_add(runs_max)).map(|seed| token(seed).request(false));
    exposures.iter_mut().for_each(|exposure| exposure.runs.push(None));
    let mut run = 0;
    executor.in_order(&mut requests, &mut |_, reply| {
        run += 1;
        if let Some(violation) = reply.violations.first() {
            let signature = violation.signature().to_string();
            for exposure in
                exposures.iter_mut().filter(|exposure| exposure.variant.is_of(&signature, &violation.sentence))
            {
                if let Some(met @ None) = exposure.runs.last_mut() {
                    *met = Some(run);
                }
            }
        }
        let all = exposures.iter().all(|exposure| exposure.runs.last().is_some_and(Option::is_some));
        if all { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(())
}

/// The table, as Markdown.
pub(crate) fn markdown(table: &[Exposure<'_>], runs_max: u64) -> String {
    let mut text = String::from(
        "| system | variant | build | what happens | claim | runs to the first: median (least to most) | met in |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for exposure in table {
        let Variant { name, build, about, signature } = exposure.variant;
        let met: Vec<u64> = exposure.runs.iter().flatten().copied().collect();
        let median = exposure.median().map_or_else(|| format!("more than {runs_max}"), |run| run.to_string());
        let range = match (met.iter().min(), met.iter().max()) {
            (Some(least), Some(most)) => format!(" ({least} to {most})"),
            _ => String::new(),
        };
        let (system, claim) = (exposure.scenario.name(), signature.first().unwrap_or(&""));
        let (of, all) = (met.len(), exposure.runs.len());
        text += &format!("| {system} | {name} | {build} | {about} | {claim} | {median}{range} | {of} of {all} |\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::definition::Scenario;

    const VARIANTS: &[Variant] = &[Variant {
        name: "M2",
        build: Build::new("shipped"),
        about: "a batch",
        signature: &["no-use-after-teardown", "db"],
    }];

    fn exposure(runs: &[Option<u64>]) -> String {
        let scenario = Scenario::new("raft", |_| {}).variants(VARIANTS);
        markdown(&[Exposure { scenario: &scenario, variant: &VARIANTS[0], runs: runs.to_vec() }], 500)
    }

    #[test]
    fn the_median_counts_campaigns_that_found_nothing_as_the_longest() {
        let row = |runs: &[Option<u64>]| exposure(runs).lines().last().unwrap_or_default().to_owned();
        assert!(row(&[Some(7), Some(1), Some(3)]).ends_with("| no-use-after-teardown | 3 (1 to 7) | 3 of 3 |"));
        assert!(row(&[Some(7), None, Some(3)]).ends_with("| 7 (3 to 7) | 2 of 3 |"));
        assert!(row(&[None, None, Some(3)]).ends_with("| more than 500 (3 to 3) | 1 of 3 |"));
        assert!(row(&[None]).ends_with("| more than 500 | 0 of 1 |"));
    }

    #[test]
    fn a_variant_matches_if_all_of_its_parts_do() {
        assert!(VARIANTS[0].is_of("no-use-after-teardown · metadata-db · a.rs · b.rs", ""));
        assert!(VARIANTS[0].is_of("no-use-after-teardown · store", "master-1 used a db"));
        assert!(!VARIANTS[0].is_of("no-use-after-teardown · output · a.rs · b.rs", ""));
        assert!(!VARIANTS[0].is_of("close-once · metadata-db · a.rs · b.rs", "master-1 closed it twice"));
    }
}
