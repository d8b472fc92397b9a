//! The commands of `cargo afterlife` on records and tests, and those that a program carries out instead.

use super::members::{TestBinary, Unbuilt, Workspace};
use super::{keep, list, token};
use crate::cli::arguments::{Arguments, Command, Replay, What};
use crate::cli::commands::{add_regression, audit_log, list_engines, show_finding, triage};
use crate::cli::context::{own, read};
use crate::cli::grammar::{self, Read};
use crate::cli::output::{check_output, complain, output};
use crate::failure::failing_run::FailingRun;
use crate::failure::record::SavedRecord;
use crate::failure::test_origin::TestOrigin;
use crate::failure::token::Token;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::search::settings::{KEEP, Settings};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// The next step of `cargo afterlife`.
#[derive(Debug)]
pub enum Next {
    /// The command ended with this exit code.
    Done(ExitCode),
    /// The program with scenarios carries it out.
    Program,
    /// Cargo carries it out, with these words and variables.
    Cargo {
        /// The words after `cargo`.
        words: Vec<String>,
        /// The variables.
        variables: Vec<(&'static str, String)>,
    },
}

/// The variable with the token that a test replays.
const REPLAY: &str = "AFTERLIFE_REPLAY";

/// Carries out a command in a workspace, if it is about records or tests. `words` begin with the command; `called` is the command that
/// the user typed before them; `tests` builds the test binaries.
pub fn carry_out(
    words: &[OsString],
    called: &str,
    workspace: &Workspace,
    tests: impl FnOnce() -> Result<Vec<TestBinary>, Unbuilt>,
) -> Next {
    match command(words, called, workspace, tests) {
        Ok(Chosen::Next(next)) => next,
        Ok(Chosen::Verdict(verdict)) => match check_output() {
            Ok(()) => Next::Done(verdict.into()),
            Err(refusal) => refused(&refusal),
        },
        Err(refusal) => refused(&refusal),
    }
}

/// The outcome of a command, or the one who carries it out.
enum Chosen {
    Verdict(Verdict),
    Next(Next),
}

/// The program carries it out. Whoever starts the program refuses if there is none.
const PROGRAM: Chosen = Chosen::Next(Next::Program);

impl From<Verdict> for Chosen {
    fn from(verdict: Verdict) -> Self {
        Self::Verdict(verdict)
    }
}

fn refused(refusal: &Refusal) -> Next {
    complain(&refusal.to_string());
    Next::Done(refusal.verdict.into())
}

fn command(
    words: &[OsString],
    called: &str,
    workspace: &Workspace,
    tests: impl FnOnce() -> Result<Vec<TestBinary>, Unbuilt>,
) -> Result<Chosen, Refusal> {
    let arguments: Box<Arguments> = match grammar::read(std::iter::once(called.into()).chain(words.iter().cloned()))? {
        // The program knows its own version.
        Read::Answer(_) if workspace.has_program => return Ok(PROGRAM),
        Read::Answer(answer) => {
            // The output remembers its errors.
            let _ = write!(output(), "{answer}");
            return Ok(Verdict::Held.into());
        }
        Read::Arguments(arguments) => arguments,
    };
    let settings = Settings::of_this_process()?.of_workspace(called, workspace.root());
    match arguments.command {
        Some(Command::Show(show)) => Ok(show_finding(&show, &settings)?.into()),
        Some(Command::Triage(arguments)) => Ok(triage(&arguments.folders, &settings)?.into()),
        Some(Command::Audit(audit)) => Ok(audit_log(&audit.log)?.into()),
        Some(Command::List(arguments)) if arguments.engines => Ok(list_engines()?.into()),
        Some(Command::List(_)) => {
            let found = list::list(&tests().map_err(|(why, next)| Refusal::new(why, next))?)?;
            match (workspace.has_program, found) {
                (true, _) => Ok(PROGRAM),
                (false, 0) => Err(Refusal::new(
                    "no test of this workspace has a scenario",
                    "write one with `#[afterlife::test]`; `cargo afterlife new NAME` makes an example",
                )
                .ending(Verdict::NothingMatched)),
                (false, _) => Ok(Verdict::Held.into()),
            }
        }
        Some(Command::Keep(what)) => match finding_of_test(&what, &settings)? {
            Some((failure, test)) => {
                let files = keep::files(workspace, &test)?;
                Ok(add_regression(&files, &own(&failure)?, &failure.finding.signature)?.into())
            }
            None => {
                let token = select_token(&what)?;
                let test =
                    token::test_of(&token, workspace, tests).map_err(|refusal| refusal.ending(Verdict::Refused))?;
                let Some(test) = test else { return Ok(PROGRAM) };
                let variables = vec![(REPLAY, token.to_string()), (KEEP, "1".to_owned())];
                Ok(Chosen::Next(run_test(&test, variables)))
            }
        },
        Some(Command::Replay(arguments)) => match finding_of_test(&arguments.what, &settings)? {
            Some((failure, test)) => Ok(Chosen::Next(replay(&own(&failure)?, &test, &arguments)?)),
            None => {
                let token = select_token(&arguments.what)?;
                let Some(test) = token::test_of(&token, workspace, tests)? else { return Ok(PROGRAM) };
                Ok(Chosen::Next(replay(&token, &test, &arguments)?))
            }
        },
        _ => Ok(PROGRAM),
    }
}

/// The finding that a command names, if a test made it. A program may know what no record has, such as a token.
fn finding_of_test(what: &What, settings: &Settings) -> Result<Option<(FailingRun, TestOrigin)>, Refusal> {
    match read(what, settings) {
        Ok((failure, SavedRecord { test, .. })) => Ok(test.map(|test| (failure, test))),
        Err(_) if Token::is_meant(&what.what) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// The token that a command names.
fn select_token(what: &What) -> Result<Token, Refusal> {
    Ok(what.what.parse::<Token>()?)
}

/// The command that replays a run in its test.
fn replay(token: &Token, test: &TestOrigin, Replay { until, log, .. }: &Replay) -> Result<Next, Refusal> {
    if until.is_some() {
        return Err(Refusal::new(
            "a test replays whole runs: --until needs a program with scenarios",
            "leave out --until; `show` has every event of the run",
        ));
    }
    let mut variables = vec![(REPLAY, token.to_string())];
    variables.extend(log.iter().map(|filter| ("AFTERLIFE_LOG", filter.to_string())));
    Ok(run_test(test, variables))
}

/// The command that runs one test, with these variables.
fn run_test(test: &TestOrigin, variables: Vec<(&'static str, String)>) -> Next {
    let mut words = vec!["test".to_owned()];
    words.extend(test.selection().into_iter().chain(test.options.iter().cloned()));
    words.extend([&*test.path, "--", "--exact", "--nocapture"].map(str::to_owned));
    Next::Cargo { words, variables }
}
