//! The entry of `#[afterlife::test]`: a campaign over one scenario inside the test runner.
//! It reads the environment, and no command line.

use crate::failure::record::RecordStore;
use crate::failure::regressions::{Regression, RegressionFiles};
use crate::failure::token::Token;
use crate::failure::token_engine::check_engine;
use crate::model::refusal::Refusal;
use crate::model::terminal::{wants_colour, without_escapes};
use crate::model::verdict::Verdict;
use crate::model::visible::visible;
use crate::report::{Human, NoProgress, Paste, Reporters, Silent, replayed};
use crate::run::log_filter::Filter;
use crate::runner::{Executor, Launch, Pool, RunnerError, serve_if_runner};
use crate::scenario::definition::Scenario;
use crate::search::budget::{Limit, Shard, check_ends};
use crate::search::campaign::{self, CampaignOptions, Reporter};
use crate::search::replay::{Wanted, replay};
use crate::search::settings::Settings;
use crate::search::shrink;
use std::time::Instant;

/// One failure fails the test. The next run of the test finds the next one.
const FAILURES_MAX: usize = 1;

/// Runs a scenario as the test of this path, and ends the test if it does not hold.
///
/// In a runner process it serves runs instead and does not return.
pub fn run(scenario: &Scenario, test_path: &str, source: &str) {
    run_with_reporter(scenario, test_path, source, || Silent);
}

/// Runs a scenario as [`run`] does, with the reporter that `make` returns.
pub fn run_with_reporter<R: Reporter>(scenario: &Scenario, test_path: &str, source: &str, make: impl FnOnce() -> R) {
    serve_if_runner(&[scenario]);
    match judge(scenario, test_path, source, &mut make()) {
        Ok(Verdict::Held) => {}
        Ok(Verdict::Nondeterministic) => fail(format!("two runs of one seed of {} differ", scenario.name())),
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

/// A test's path for the test runner: its module path without the crate.
pub fn path(module_path: &'static str) -> &'static str {
    module_path.split_once("::").map_or(module_path, |(_, path)| path)
}

fn judge(scenario: &Scenario, test_path: &str, source: &str, reporter: &mut dyn Reporter) -> Result<Verdict, Refusal> {
    let settings = Settings::of_this_process()?;
    let launch = Launch::of_this_test(test_path).map_err(crate::runner::RunnerError::Start)?;
    // The test runner already runs tests in parallel, so one runner process per test is enough.
    let pool = Pool::new(launch, 1);
    let files = RegressionFiles::of_this_test(source, test_path);
    let paste = Paste::of_this_test(test_path, files.file(scenario.name()).as_deref());
    let mut human = Human::new(Vec::new(), paste, NoProgress);
    for warning in settings.warnings.iter().chain(&files.warnings(scenario)) {
        eprintln!("warning: {}", visible(warning));
    }
    let verdict = match &settings.replay {
        Some(text) => replay_token(scenario, text, settings.log.as_ref(), &pool, &mut human)?,
        None => {
            let store = RecordStore::open(settings.out.clone().unwrap_or_else(RecordStore::usual_root))?;
            let limit = Limit { seeds: "AFTERLIFE_SEEDS", next: "add a time: AFTERLIFE_TIME=2h" };
            settings.seeds.iter().try_for_each(|seeds| check_ends(seeds, settings.time, &limit))?;
            let options = options(scenario, files.read(scenario)?, &settings);
            campaign::run(&options, &pool, &store, &mut Reporters::new(vec![&mut human, reporter]))?.verdict()
        }
    };
    print_captured(&human.into_inner());
    Ok(verdict)
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
    log: Option<&Filter>,
    pool: &Pool,
    human: &mut Human<Vec<u8>>,
) -> Result<Verdict, Refusal> {
    let token: Token = text.parse()?;
    if token.scenario != scenario.name() {
        // Every test of the command sees the variable. Only the test that the token names replays it.
        println!("{} is not the scenario of AFTERLIFE_REPLAY, so nothing was run", scenario.name());
        return Ok(Verdict::Held);
    }
    check_engine(&token, scenario)?;
    let outcome = replay(pool, &token, Wanted { log, ..Wanted::default() })?;
    let lines = replayed(&outcome, &token, human.paste(), log);
    human.print(&lines);
    Ok(outcome.verdict())
}

/// Prints through the macro, so that the test runner shows the text only if the test fails.
fn print_captured(page: &[u8]) {
    let page = String::from_utf8_lossy(page);
    print!("{}", if wants_colour() { page } else { without_escapes(&page).into_owned().into() });
}
