//! The entry of `#[afterlife::test]`: a campaign over one scenario inside the test runner.
//! It reads the environment, and no command line.

use super::invocation::Invocation;
use super::output::{ProgramOutput, print_at_once, print_captured};
use super::test::Test;
use crate::failure::record::RecordStore;
use crate::failure::regressions::{Regression, RegressionFiles};
use crate::failure::token::Token;
use crate::failure::token_engine::check_engine;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::model::visible::visible;
use crate::report::{Human, NoProgress, Reporters, Silent, kept, replayed};
use crate::runner::{Executor, Interruptible, Launch, Pool, RunnerError, interrupt, serve_if_runner};
use crate::scenario::definition::Scenario;
use crate::search::budget::{Limit, Shard, check_ends};
use crate::search::campaign::{self, CampaignOptions, Reporter};
use crate::search::replay::{Replayed, Wanted, replay};
use crate::search::settings::Settings;
use crate::search::shrink;
use std::path::PathBuf;
use std::time::Instant;

/// One failure fails the test. The next run of the test finds the next one.
const FAILURES_MAX: usize = 1;

/// Runs a scenario as this test, and ends the test if it does not hold.
///
/// In a runner process it serves runs instead and does not return.
pub fn run(scenario: &Scenario, test: &Test) {
    run_with_reporter(scenario, test, || Silent);
}

/// Runs a scenario as [`run`] does, with the reporter that `make` returns.
pub fn run_with_reporter<R: Reporter>(scenario: &Scenario, test: &Test, make: impl FnOnce() -> R) {
    serve_if_runner(&[scenario]);
    // The file of the test binary has the description only if the program uses it.
    std::hint::black_box(test.listing);
    let campaign = Interruptible::begin();
    let mut pages = Vec::new();
    let ended = judge(scenario, test, &mut make(), &mut pages);
    if let Some(signal) = interrupt() {
        print_at_once(&pages, signal);
        campaign.leave(Verdict::Interrupted(signal).code());
    }
    drop(campaign);
    print_captured(&pages);
    match ended {
        Ok(Verdict::Held) => {}
        Ok(Verdict::Nondeterministic) => fail(format!("two runs of one seed of {} differ", scenario.name())),
        // The exit code of a failed test would tell `git bisect run` that this code is bad.
        Ok(Verdict::Unfit) if std::env::var_os("AFTERLIFE_REPLAY").is_some() => {
            eprintln!("the token no longer fits {}: see the report above", scenario.name());
            std::process::exit(Verdict::Unfit.code().into());
        }
        Ok(Verdict::Unfit) => {
            fail(format!("a token or regression no longer fits {}: see the report above", scenario.name()));
        }
        Ok(Verdict::Vacuous) => fail(format!("{} tested nothing: see the report above", scenario.name())),
        Ok(_) => fail(format!("{} does not hold", scenario.name())),
        Err(refusal) => fail(refusal.to_string()),
    }
}

/// Fails the test with a message. No panic hook runs: the location and the backtrace would be those of this file, not the user's.
fn fail(message: String) -> ! {
    eprintln!("{message}");
    std::panic::resume_unwind(Box::new(message))
}

/// The title of a failure on its page, for the invariant of this id.
pub fn title(invariant: &str) -> String {
    crate::invariant::headline(invariant)
}

/// Replays a token in a runner process of this program, and returns the reply as JSON: `violations` and, with every event,
/// `record`.
///
/// # Errors
/// The reason why the runner cannot be started, or why it sent no reply.
pub fn reply_to(token: &Token) -> Result<serde_json::Value, String> {
    let why = |error: RunnerError| error.to_string();
    let launch = Launch::of_this_program().map_err(|error| why(RunnerError::Start(error)))?;
    let reply = Pool::new(launch, 1).fresh(&token.request(true)).map_err(why)?;
    serde_json::to_value(reply).map_err(|error| error.to_string())
}

/// Judges a scenario, and prints the report to `pages`.
fn judge(
    scenario: &Scenario,
    test: &Test,
    reporter: &mut dyn Reporter,
    pages: &mut Vec<u8>,
) -> Result<Verdict, Refusal> {
    let settings = Settings::of_this_process()?;
    let pool = Pool::sharing(Launch::of_this_test(test.path()).map_err(RunnerError::Start)?);
    let files = test.regressions();
    for warning in settings.warnings.iter().chain(&files.warnings(scenario)) {
        eprintln!("warning: {}", visible(warning));
    }
    let invocation = Invocation::of_this_process();
    let origin = test.origin(&invocation);
    let root = absolute(settings.out.clone().unwrap_or_else(RecordStore::usual_root));
    let mut human = Human::new(pages, test.paste(origin.as_ref(), &root, &invocation), NoProgress);
    let mut programs = ProgramOutput::new(settings.log.clone());
    if let Some(text) = &settings.replay {
        let regressions = settings.keep.then_some(&files);
        return replay_token(scenario, text, &pool, regressions, &mut human, &mut programs);
    }
    let mut store = RecordStore::open(root)?;
    if let Some(origin) = origin {
        store = store.of_test(origin);
    }
    let limit = Limit { seeds: "AFTERLIFE_SEEDS", next: "add a time: AFTERLIFE_TIME=2h" };
    settings.seeds.iter().try_for_each(|seeds| check_ends(seeds, settings.time, &limit))?;
    let options = options(scenario, files.read(scenario)?, &settings);
    let mut reporters = Reporters::new(vec![&mut programs, &mut human, reporter]);
    Ok(campaign::run(&options, &pool, &store, &mut reporters)?.verdict())
}

/// The path without the current folder, which is that of the package and not that of the user.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

fn options(scenario: &Scenario, regressions: Vec<Regression>, settings: &Settings) -> CampaignOptions {
    let unbounded = if settings.time.is_some() { u64::MAX } else { scenario.seed_count() };
    CampaignOptions {
        scenario: scenario.name().to_owned(),
        build: scenario.default_build(),
        engine: scenario.engine(),
        seeds: settings.seeds.clone().unwrap_or(0..unbounded),
        until: settings.time.map(|time| Instant::now() + time),
        failures_max: FAILURES_MAX,
        regressions,
        shard: Shard::default(),
        wanted: None,
        shrink: settings.shrink.unwrap_or(shrink::REPLAYS_MAX),
        full: scenario.seed_count(),
    }
}

fn replay_token(
    scenario: &Scenario,
    text: &str,
    pool: &Pool,
    regressions: Option<&RegressionFiles>,
    human: &mut Human<&mut Vec<u8>>,
    programs: &mut ProgramOutput,
) -> Result<Verdict, Refusal> {
    let token: Token = text.parse()?;
    if token.scenario != scenario.name() {
        // Every test of the command sees the variable. Only the test that the token names replays it.
        println!("{} is not the scenario of AFTERLIFE_REPLAY, so nothing was run", scenario.name());
        return Ok(Verdict::Held);
    }
    check_engine(&token, scenario)?;
    let outcome = replay(pool, &token, Wanted { log: programs.filter(), ..Wanted::default() })?;
    if let (Some(files), Replayed::Broke(failure)) = (regressions, &outcome) {
        let signature = &failure.finding.signature;
        let (file, new) = files.add(&token, signature.as_str())?;
        human.print(&kept(&file.display().to_string(), new, signature));
        return Ok(Verdict::Held);
    }
    if let (Some(_), Replayed::Held(_)) = (regressions, &outcome) {
        return Err(Refusal::new("that run breaks nothing", "keep a run that breaks; `replay` shows its result"));
    }
    if let Some(record) = outcome.record() {
        programs.print(record);
    }
    let lines = replayed(&outcome, &token, human.paste(), None);
    human.print(&lines);
    Ok(outcome.verdict())
}
