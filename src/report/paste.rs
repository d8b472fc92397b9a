//! The commands that a report proposes, written so that they work where they are pasted.
//! They are guesses at what was typed to come here; the token in them is not.

use crate::failure::regressions::here;
use crate::model::build::Build;
use crate::search::settings::CALLED;
use std::path::Path;

/// What stands before the arguments of a proposed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Paste {
    /// A program with afterlife's command line.
    Program {
        /// How it was called: `cargo afterlife`, `cargo run --release --`, `./runner`.
        called: String,
    },
    /// A test of some package.
    Test {
        /// Its path, as the test runner writes it.
        path: String,
        /// The package, if known.
        package: Option<String>,
        /// The file that keeps runs of it, if known.
        kept: Option<String>,
    },
}

impl Paste {
    /// How this program was called.
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

    /// How this test was called.
    pub(crate) fn of_this_test(path: &str, kept: Option<&Path>) -> Self {
        let (path, package) = (path.to_owned(), std::env::var("CARGO_PKG_NAME").ok());
        Self::Test { path, package, kept: kept.map(here) }
    }

    /// Replays a token.
    pub(crate) fn replay(&self, token: &str) -> String {
        match self {
            Self::Program { called } => format!("{called} replay {token}"),
            Self::Test { path, package, .. } => {
                let package = package.as_ref().map(|package| format!(" -p {package}")).unwrap_or_default();
                format!("AFTERLIFE_REPLAY={token} cargo test{package} {path} -- --exact --nocapture")
            }
        }
    }

    /// Shows a finding again without running anything.
    pub(crate) fn show(&self, id: &str) -> Option<String> {
        match self {
            Self::Program { called } => Some(format!("{called} show {id}")),
            Self::Test { .. } => None,
        }
    }

    /// Keeps a finding beside the code.
    pub(crate) fn keep(&self, id: &str, token: &str) -> Option<String> {
        match self {
            Self::Program { called } => Some(format!("{called} keep {id}")),
            Self::Test { kept, .. } => kept.as_ref().map(|kept| format!("echo {token} >> {kept}")),
        }
    }

    /// Looks for the first event that differs between two runs of one seed.
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
        let kept = Some("tests/brokers.afterlife".into());
        let test = Paste::Test { path: "brokers::survive".into(), package: Some("broker".into()), kept };
        let expected = "AFTERLIFE_REPLAY=a1-x-1-AAAA cargo test -p broker brokers::survive -- --exact --nocapture";
        assert_eq!(test.replay("a1-x-1-AAAA"), expected);
        assert_eq!(test.show("last"), None);
        let keep = test.keep("last", "a1-x-1-AAAA");
        assert_eq!(keep.as_deref(), Some("echo a1-x-1-AAAA >> tests/brokers.afterlife"));
    }
}
