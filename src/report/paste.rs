//! The commands that a report proposes, ready to paste into a shell.
//! The prefix is a guess at how the program was started; the token is exact.

use crate::failure::regressions::here;
use crate::model::build::Build;
use crate::search::settings::CALLED;
use std::path::Path;

/// The way to start this program or test again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Paste {
    /// A program with afterlife's command line.
    Program {
        /// The command that started it: `cargo afterlife`, `cargo run --release --`, `./runner`.
        called: String,
    },
    /// A test in a package.
    Test {
        /// Its path, as the test runner writes it.
        path: String,
        /// The package, if known.
        package: Option<String>,
        /// Its regressions file, if known.
        regressions: Option<String>,
    },
}

impl Paste {
    /// The commands of this program.
    pub(crate) fn of_this_program() -> Self {
        let by_cargo = || std::env::var_os("CARGO").is_some();
        let called = match std::env::var(CALLED) {
            Ok(called) => called,
            Err(_) if by_cargo() && cfg!(debug_assertions) => "cargo run --".to_owned(),
            Err(_) if by_cargo() => "cargo run --release --".to_owned(),
            Err(_) => std::env::args().next().unwrap_or_else(|| "afterlife".to_owned()),
        };
        Self::Program { called }
    }

    /// The commands of this test.
    pub(crate) fn of_this_test(path: &str, regressions: Option<&Path>) -> Self {
        let (path, package) = (path.to_owned(), std::env::var("CARGO_PKG_NAME").ok());
        Self::Test { path, package, regressions: regressions.map(here) }
    }

    /// The command that replays a token.
    pub(crate) fn replay(&self, token: &str) -> String {
        match self {
            Self::Program { called } => format!("{called} replay {token}"),
            Self::Test { path, package, .. } => {
                let package = package.as_ref().map(|package| format!(" -p {package}")).unwrap_or_default();
                format!("AFTERLIFE_REPLAY={token} cargo test{package} {path} -- --exact --nocapture")
            }
        }
    }

    /// The command that shows a finding from its record.
    pub(crate) fn show(&self, id: &str) -> Option<String> {
        match self {
            Self::Program { called } => Some(format!("{called} show {id}")),
            Self::Test { .. } => None,
        }
    }

    /// The command that adds a finding to the regressions.
    pub(crate) fn keep(&self, id: &str, token: &str) -> Option<String> {
        match self {
            Self::Program { called } => Some(format!("{called} keep {id}")),
            Self::Test { path, regressions, .. } => {
                regressions.as_ref().map(|file| format!("echo {token} {path} >> {file}"))
            }
        }
    }

    /// The command that finds the first event in which two runs of one seed differ.
    pub(crate) fn check(&self, scenario: &str, build: Build, seed: u64) -> Option<String> {
        match self {
            Self::Program { called } => {
                Some(format!("{called} check {scenario} --build {build} --seeds {seed}..{}", seed.saturating_add(1)))
            }
            Self::Test { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_replayed_through_its_environment() {
        let regressions = Some("tests/brokers.afterlife".into());
        let test = Paste::Test { path: "brokers::survive".into(), package: Some("broker".into()), regressions };
        let expected = "AFTERLIFE_REPLAY=a1-x-1-AAAA cargo test -p broker brokers::survive -- --exact --nocapture";
        assert_eq!(test.replay("a1-x-1-AAAA"), expected);
        assert_eq!(test.show("last"), None);
        let keep = test.keep("last", "a1-x-1-AAAA");
        assert_eq!(keep.as_deref(), Some("echo a1-x-1-AAAA brokers::survive >> tests/brokers.afterlife"));
    }
}
