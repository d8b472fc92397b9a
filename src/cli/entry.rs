//! Where a program with scenarios begins: as a runner process, or as a command.
//! It turns what the command came to into an exit code.

use super::dispatch::carry_out;
use super::grammar::{self, Read};
use super::select;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::runner::{is_runner, serve};
use crate::scenario::definition::Scenario;
use crate::search::settings::Settings;
use anstream::ColorChoice;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs afterlife's command line over these scenarios.
///
/// It is meant to be all that a program's main function does: runner processes are this program, started again.
pub fn main(scenarios: &[Scenario]) -> ExitCode {
    if is_runner() {
        return match serve(&scenarios.iter().collect::<Vec<_>>()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        };
    }
    choose_colours(std::env::var("CARGO_TERM_COLOR").ok().as_deref());
    match command(scenarios, std::env::args_os()) {
        Ok(verdict) => verdict.into(),
        Err(refusal) => {
            anstream::eprintln!("{refusal}");
            refusal.verdict.into()
        }
    }
}

fn command(scenarios: &[Scenario], words: impl IntoIterator<Item = OsString>) -> Result<Verdict, Refusal> {
    match grammar::read(words)? {
        Read::Answer(answer) => {
            anstream::print!("{answer}");
            Ok(Verdict::Held)
        }
        Read::Arguments(arguments) => {
            let settings = Settings::of_this_process()?;
            for warning in &settings.warnings {
                anstream::eprintln!("warning: {warning}");
            }
            let scenarios = &select::on(scenarios, arguments.engine)?;
            carry_out(scenarios, arguments.command, &settings)
        }
    }
}

/// Cargo's own variable decides where it says something; `NO_COLOR` and the terminal decide otherwise.
fn choose_colours(cargo_term_color: Option<&str>) {
    match cargo_term_color {
        Some("always") => ColorChoice::Always.write_global(),
        Some("never") => ColorChoice::Never.write_global(),
        _ => {}
    }
}
