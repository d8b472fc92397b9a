//! The output of a test: its report, and what the programs of the failing run printed. libtest captures both and shows them if the test
//! fails; after a signal nobody would, so then the report goes to the standard output itself.

use crate::failure::failing_run::FailingRun;
use crate::failure::record::SavedRecord;
use crate::model::terminal::{wants_colour, without_escapes};
use crate::report::{Line, traced};
use crate::run::log_filter::{Filter, RECORDED};
use crate::run::request::Record;
use crate::search::campaign::Reporter;
use afterlife_sim::event::signal_name;
use std::env;
use std::io::{self, Write};

/// The options of libtest that turn capturing off, and the variable.
const NO_CAPTURE: [&str; 2] = ["--nocapture", "--no-capture"];
const NO_CAPTURE_VARIABLE: &str = "RUST_TEST_NOCAPTURE";

/// Set by nextest, which captures the output of tests itself and turns the test runner's own capturing off.
const NEXTEST: &str = "NEXTEST";

/// Prints the lines of the programs in a failing run, if somebody wants to see them.
pub(super) struct ProgramOutput {
    filter: Option<Filter>,
}

impl ProgramOutput {
    /// With the filter of `AFTERLIFE_LOG`. Without one, a test that is not captured shows all that its record has.
    pub(super) fn new(filter: Option<Filter>) -> Self {
        let shown = || is_uncaptured(env::args(), |name| env::var(name).ok()).then(|| Filter::read(RECORDED).ok());
        Self { filter: filter.or_else(|| shown().flatten()) }
    }

    /// The filter of the lines that are shown; `None` for no line.
    pub(super) fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// Prints the lines of a run, before the report on it.
    pub(super) fn print(&self, record: &Record) {
        if let Some(filter) = &self.filter {
            let lines: String = traced(record, filter).iter().map(|line: &Line| format!("{line}\n")).collect();
            print_captured(format!("{lines}\n").as_bytes());
        }
    }
}

impl Reporter for ProgramOutput {
    fn failure(&mut self, failure: &FailingRun, _: &SavedRecord) {
        self.print(&failure.record);
    }
}

/// Returns whether the user sees what a test prints while it runs.
fn is_uncaptured(mut words: impl Iterator<Item = String>, variable: impl Fn(&str) -> Option<String>) -> bool {
    let asked = words.any(|word| NO_CAPTURE.contains(&word.as_str()))
        || variable(NO_CAPTURE_VARIABLE).is_some_and(|value| value != "0");
    asked && variable(NEXTEST).is_none()
}

/// Prints through the macro, so that the test runner shows the text only if the test fails.
pub(super) fn print_captured(page: &[u8]) {
    print!("{}", shown(page));
}

/// Prints the report of a test that a signal ended.
pub(super) fn print_at_once(page: &[u8], signal: i32) {
    // There is nowhere to say that this cannot be written.
    let _ = io::stdout().write_all(format!("\n{}", shown(page)).as_bytes());
    let name = signal_name(signal);
    let _ = writeln!(io::stderr(), "interrupted by {name}: the summary covers the runs so far");
}

fn shown(page: &[u8]) -> String {
    let page = String::from_utf8_lossy(page);
    if wants_colour() { page.into_owned() } else { without_escapes(&page).into_owned() }
}

#[cfg(test)]
mod tests {
    use super::is_uncaptured;

    #[test]
    fn output_is_shown_where_libtest_shows_it() {
        let shown = |words: &str, variables: &[&str]| {
            let variable = |name: &str| variables.contains(&name).then(|| "1".to_owned());
            is_uncaptured(words.split(' ').map(str::to_owned), variable)
        };
        assert!(!shown("orders hold --exact", &[]));
        assert!(shown("orders hold --exact --nocapture", &[]) && shown("orders --no-capture", &[]));
        assert!(shown("orders", &["RUST_TEST_NOCAPTURE"]));
        assert!(!shown("orders --nocapture", &["NEXTEST"]));
    }
}
