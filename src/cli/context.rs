//! The resources that commands share: runner processes, the record store, the terminal, and the run that an argument names.

use super::arguments::What;
use super::output::output;
use super::progress_bar::Bar;
use super::select;
use crate::failure::failing_run::FailingRun;
use crate::failure::record::{RecordError, RecordStore, SavedRecord, Written};
use crate::failure::token::Token;
use crate::model::build::Build;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::report::{Human, Paste};
use crate::run::request::Request;
use crate::runner::{Launch, Pool, RunnerError};
use crate::scenario::definition::Scenario;
use crate::search::settings::Settings;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

/// The token that an argument names, and the record that its run must match, if the argument names one.
pub(super) fn meant(
    scenarios: &[Scenario],
    what: &What,
    settings: &Settings,
) -> Result<(Token, Option<(FailingRun, Written)>), Refusal> {
    // A token is replayed without its record, even if there is one: the code may have changed since.
    let (token, recorded) = if Token::is_meant(&what.what) {
        (select::token(scenarios, &what.what)?, None)
    } else {
        let place = RecordStore::at(root(what.out.clone(), settings)).find(&what.what)?;
        // A record that other code wrote no longer fits, like one whose run differs.
        let unfit = |error: RecordError| {
            let verdict = if error.is_of_other_code() { Verdict::Unfit } else { Verdict::Refused };
            Refusal::from(error).ending(verdict)
        };
        let (failure, _) = RecordStore::read(&place).map_err(unfit)?;
        (own(&failure)?, Some((failure, RecordStore::written(&place)?)))
    };
    select::named(scenarios, &token)?;
    Ok((token, recorded))
}

/// The token of a finding, unless the run belongs to another simulator's test.
pub(super) fn own(failure: &FailingRun) -> Result<Token, Refusal> {
    if failure.is_ours() {
        return Ok(failure.finding.token.parse()?);
    }
    let why = format!("{} is a test of another simulator, which afterlife cannot run", failure.scenario);
    Err(Refusal::new(why, format!("run the test: {}", failure.finding.token)))
}

pub(super) fn read(what: &What, settings: &Settings) -> Result<(FailingRun, SavedRecord), Refusal> {
    let store = RecordStore::at(root(what.out.clone(), settings));
    Ok(RecordStore::read(&store.find(&what.what)?)?)
}

pub(super) fn store(out: Option<PathBuf>, settings: &Settings) -> Result<RecordStore, Refusal> {
    Ok(RecordStore::open(root(out, settings))?)
}

pub(super) fn root(out: Option<PathBuf>, settings: &Settings) -> PathBuf {
    out.or_else(|| settings.out.clone()).unwrap_or_else(|| usual_root(settings))
}

fn usual_root(settings: &Settings) -> PathBuf {
    settings.usual_out.clone().unwrap_or_else(RecordStore::usual_root)
}

/// The commands that a report on findings in this folder proposes.
pub(super) fn paste(root: &Path, settings: &Settings) -> Paste {
    Paste::program(settings.called.as_deref(), Some(root).filter(|root| *root != usual_root(settings)))
}

pub(super) fn pool(jobs: Option<u64>) -> Result<Pool, Refusal> {
    let jobs = jobs.unwrap_or_else(|| available_parallelism().map_or(1, |processors| processors.get() as u64));
    Ok(Pool::new(Launch::of_this_program().map_err(RunnerError::Start)?, jobs))
}

/// The report for a person.
pub(super) fn human() -> Human<impl Write> {
    human_with(Paste::of_this_program())
}

/// The report for a person, with these commands.
pub(super) fn human_with(paste: Paste) -> Human<impl Write> {
    Human::new(output(), paste, Bar::on_terminal())
}

pub(super) fn request(scenario: &Scenario, build: Build, seed: u64) -> Request {
    Token { scenario: scenario.name().to_owned(), build, engine: scenario.engine(), seed, plan: None }.request(true)
}
