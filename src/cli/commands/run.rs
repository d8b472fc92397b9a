//! The command `run`: the campaigns of the chosen scenarios, and their reports.

use crate::cli::arguments::{Report, Run};
use crate::cli::context::{human_with, paste, pool, root, store};
use crate::cli::output::output;
use crate::cli::select;
use crate::failure::record::RecordStore;
use crate::failure::regressions::RegressionFiles;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::report::{Github, Json, Junit, Reporters};
use crate::runner::{Pool, interrupt};
use crate::scenario::definition::Scenario;
use crate::search::budget::{Limit, check_ends};
use crate::search::campaign::{self, CampaignOptions, CampaignOutcome, Reporter};
use crate::search::settings::Settings;
use crate::search::shrink;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The variable with the file that GitHub Actions reads a step's summary from.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Carries out `run`. `reporter` is the user's own.
pub(in crate::cli) fn run_campaigns(
    scenarios: &[Scenario],
    run: &Run,
    settings: &Settings,
    reporter: &mut dyn Reporter,
) -> Result<Verdict, Refusal> {
    let wants = |report: &Report| run.report.contains(report);
    if wants(&Report::Json) && (wants(&Report::Github) || wants(&Report::Human)) {
        return Err(Refusal::new(
            "--report json cannot share the standard output with another report",
            "drop the other reports; only --report junit=PATH goes with json",
        ));
    }
    let junit_path = run.report.iter().find_map(|report| match report {
        Report::Junit(path) => Some(path),
        _ => None,
    });
    let campaigns = campaigns(&select::matching(scenarios, run.filter.as_deref())?, run, settings)?;
    let store = store(run.out.clone(), settings)?;
    let pool = pool(run.jobs)?;
    let root = root(run.out.clone(), settings);
    let paste = paste(&root, settings);
    let (mut human, mut json) = (human_with(paste.clone()), Json::new(output()));
    let mut junit = Junit::new(paste.clone());
    let mut github = Github::new(output(), paste);
    let mut reporters: Vec<&mut dyn Reporter> = Vec::new();
    reporters.push(if wants(&Report::Json) { &mut json } else { &mut human });
    if junit_path.is_some() {
        reporters.push(&mut junit);
    }
    if wants(&Report::Github) {
        reporters.push(&mut github);
    }
    reporters.push(reporter);
    let outcomes = each(&campaigns, &pool, &store, &mut Reporters::new(reporters));
    // Reports are written even if a campaign could not be finished.
    if let Some(path) = junit_path {
        write_junit(&junit, path)?;
    }
    if let (true, Some(path)) = (wants(&Report::Github), std::env::var_os(STEP_SUMMARY)) {
        append(&PathBuf::from(path), &github.summary())?;
    }
    let outcomes = outcomes?;
    if wants(&Report::Json) {
        json.summary(&outcomes);
    }
    Ok(outcomes.iter().map(CampaignOutcome::verdict).fold(Verdict::Held, Verdict::and))
}

fn write_junit(junit: &Junit, path: &Path) -> Result<(), Refusal> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| unwritable(path, &error))?;
    }
    let text = junit.text().map_err(|error| unwritable(path, &error))?;
    fs::write(path, text).map_err(|error| unwritable(path, &error))
}

fn append(path: &Path, text: &str) -> Result<(), Refusal> {
    let appended =
        File::options().append(true).create(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    appended.map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &impl std::fmt::Display) -> Refusal {
    Refusal::new(format!("cannot write to {}: {error}", path.display()), "name a writable file")
}

/// The campaigns to run. The command line comes first, then the environment, then the scenarios' own settings.
fn campaigns(scenarios: &[&Scenario], run: &Run, settings: &Settings) -> Result<Vec<CampaignOptions>, Refusal> {
    let (seeds, time) = match (&run.seeds, run.time) {
        (None, None) => (settings.seeds.clone(), settings.time),
        (seeds, time) => (seeds.clone(), time),
    };
    let limit = Limit { seeds: "--seeds", next: "add a time: --for 2h" };
    seeds.iter().try_for_each(|seeds| check_ends(seeds, time, &limit))?;
    let wanted = |scenario: &&&Scenario| run.build.is_none_or(|build| scenario.declared_builds().contains(&build));
    let chosen: Vec<_> = scenarios.iter().filter(wanted).collect();
    if let (true, Some(build)) = (chosen.is_empty(), run.build) {
        return Err(select::no_such_build(scenarios, build));
    }
    let files = RegressionFiles::of_this_program(settings.regressions.as_deref());
    let share = time.map(|time| time / chosen.len().max(1) as u32);
    let mut begins = Instant::now();
    let options = |scenario: &&&Scenario| {
        let until = share.map(|share| begins + share);
        begins = until.unwrap_or(begins);
        let unbounded = if time.is_some() { u64::MAX } else { scenario.seed_count() };
        let build = run.build.unwrap_or(scenario.default_build());
        let mut regressions = files.read(scenario)?;
        let engine = scenario.engine();
        regressions.retain(|regression| (regression.token.build, regression.token.engine) == (build, engine));
        Ok(CampaignOptions {
            scenario: scenario.name().to_owned(),
            build,
            engine,
            seeds: seeds.clone().unwrap_or(0..unbounded),
            until,
            regressions,
            shard: run.shard.unwrap_or_default(),
            wanted: None,
            shrink: run.shrink.or(settings.shrink).unwrap_or(shrink::REPLAYS_MAX),
            failures_max: usize::try_from(run.max_failures).unwrap_or(usize::MAX),
            full: scenario.seed_count(),
        })
    };
    chosen.iter().map(options).collect()
}

fn each(
    campaigns: &[CampaignOptions],
    pool: &Pool,
    store: &RecordStore,
    reporter: &mut dyn Reporter,
) -> Result<Vec<CampaignOutcome>, Refusal> {
    // A campaign that was interrupted has its summary. Those after it have nothing to report.
    let begins = |_: &&CampaignOptions| interrupt().is_none();
    campaigns.iter().take_while(begins).map(|options| campaign::run(options, pool, store, reporter)).collect()
}
