//! The entry of a program with scenarios: it becomes a runner process, or carries out a command.

use super::dispatch::carry_out;
use super::grammar::{self, Read};
use super::output::{check_output, complain, output};
use super::select;
use crate::model::refusal::Refusal;
use crate::model::verdict::Verdict;
use crate::report::Silent;
use crate::runner::{catch_interrupts, interrupt, serve_if_runner};
use crate::scenario::definition::Scenario;
use crate::search::campaign::Reporter;
use crate::search::settings::Settings;
use afterlife_sim::event::signal_name;
use anstream::ColorChoice;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// Runs afterlife's command line over these scenarios.
///
/// Call it first in `main`, and return its exit code: runner processes start the same program again.
pub fn main(scenarios: &[Scenario]) -> ExitCode {
    main_with_reporter(scenarios, &mut Silent)
}

/// Runs afterlife's command line over these scenarios, as [`main`] does. `reporter` receives every campaign, beside the reports
/// that the command line asks for. See [`Reporter`] for an example.
pub fn main_with_reporter(scenarios: &[Scenario], reporter: &mut dyn Reporter) -> ExitCode {
    serve_if_runner(&scenarios.iter().collect::<Vec<_>>());
    choose_colours(std::env::var("CARGO_TERM_COLOR").ok().as_deref());
    let ended = command(scenarios, std::env::args_os(), reporter);
    match ended.and_then(|verdict| check_output().map(|()| verdict)) {
        Ok(verdict) => verdict.into(),
        Err(refusal) => {
            complain(&refusal.to_string());
            refusal.verdict.into()
        }
    }
}

fn command(
    scenarios: &[Scenario],
    words: impl IntoIterator<Item = OsString>,
    reporter: &mut dyn Reporter,
) -> Result<Verdict, Refusal> {
    match grammar::read(words)? {
        Read::Answer(answer) => {
            // The output remembers its errors.
            let _ = write!(output(), "{answer}");
            Ok(Verdict::Held)
        }
        Read::Arguments(arguments) => {
            let settings = Settings::of_this_process()?;
            for warning in &settings.warnings {
                complain(&format!("warning: {warning}"));
            }
            let scenarios = &select::on(scenarios, arguments.engine)?;
            catch_interrupts();
            let verdict = carry_out(scenarios, arguments.command, &settings, reporter)?;
            let Some(signal) = interrupt() else { return Ok(verdict) };
            complain(&format!("interrupted by {}: the summary covers the runs so far", signal_name(signal)));
            Ok(Verdict::Interrupted(signal))
        }
    }
}

/// `CARGO_TERM_COLOR` decides if it says `always` or `never`; otherwise `NO_COLOR` and the terminal decide.
fn choose_colours(cargo_term_color: Option<&str>) {
    match cargo_term_color {
        Some("always") => ColorChoice::Always.write_global(),
        Some("never") => ColorChoice::Never.write_global(),
        _ => {}
    }
}
