//! The commands that a report proposes, ready to paste into a shell.
//! The prefix is a guess at how the program was started; the token is exact.

use crate::failure::failing_run::FailingRun;
use crate::failure::regressions::here;
use crate::failure::replay_text;
use crate::model::build::Build;
use crate::model::shell::quoted;
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
        // The variable has a command of several words; a program's path is one word, spaces and all.
        let words = |called: String| called.split_whitespace().map(quoted).collect::<Vec<_>>().join(" ");
        let by_cargo = || std::env::var_os("CARGO").is_some();
        let called = match std::env::var(CALLED) {
            Ok(called) => words(called),
            Err(_) if by_cargo() && cfg!(debug_assertions) => "cargo run --".to_owned(),
            Err(_) if by_cargo() => "cargo run --release --".to_owned(),
            Err(_) => quoted(&std::env::args().next().unwrap_or_else(|| "afterlife".to_owned())).into_owned(),
        };
        Self::Program { called }
    }

    /// The commands of this test.
    pub(crate) fn of_this_test(path: &str, regressions: Option<&Path>) -> Self {
        let (path, package) = (path.to_owned(), std::env::var("CARGO_PKG_NAME").ok());
        Self::Test { path, package, regressions: regressions.map(here) }
    }

    /// The command that replays a failure: that of its token, or the command of another simulator's test.
    pub(crate) fn replay_of(&self, failure: &FailingRun) -> String {
        let text = &failure.finding.token;
        match failure.is_ours() {
            true => self.replay(text),
            false if replay_text::is_command(text) => text.clone(),
            false => quoted(text).into_owned(),
        }
    }

    /// The command that replays a token.
    pub(crate) fn replay(&self, token: &str) -> String {
        let token = quoted(token);
        match self {
            Self::Program { called } => format!("{called} replay {token}"),
            Self::Test { path, package, .. } => {
                let package = package.as_ref().map(|package| format!(" -p {}", quoted(package))).unwrap_or_default();
                format!("AFTERLIFE_REPLAY={token} cargo test{package} {} -- --exact --nocapture", quoted(path))
            }
        }
    }

    /// The command that shows a finding from its record.
    pub(crate) fn show(&self, id: &str) -> Option<String> {
        match self {
            Self::Program { called } => Some(format!("{called} show {}", quoted(id))),
            Self::Test { .. } => None,
        }
    }

    /// The command that adds a finding to the regressions.
    pub(crate) fn keep(&self, id: &str, token: &str) -> Option<String> {
        match self {
            Self::Program { called } => Some(format!("{called} keep {}", quoted(id))),
            Self::Test { path, regressions, .. } => {
                let [token, path] = [token, path].map(|word| quoted(word));
                regressions.as_ref().map(|file| format!("echo {token} {path} >> {}", quoted(file)))
            }
        }
    }

    /// The command that finds the first event in which two runs of one seed differ.
    pub(crate) fn check(&self, scenario: &str, build: Build, seed: u64) -> Option<String> {
        match self {
            Self::Program { called } => {
                let scenario = quoted(scenario);
                Some(format!("{called} check {scenario} --build {build} --seeds {seed}..{}", seed.saturating_add(1)))
            }
            Self::Test { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::sample::use_after_teardown;

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

    #[test]
    fn no_word_of_a_command_is_more_than_a_word() {
        let hostile = "a1-raft-master-7-x; touch FILE #";
        let program = Paste::Program { called: quoted("/my programs/run").into_owned() };
        assert_eq!(program.replay(hostile), "'/my programs/run' replay 'a1-raft-master-7-x; touch FILE #'");
        assert_eq!(program.show("$(id)").as_deref(), Some("'/my programs/run' show '$(id)'"));
        let regressions = Some("my tests/a.afterlife".into());
        let test = Paste::Test { path: "a;b".into(), package: Some("c d".into()), regressions };
        let expected =
            "AFTERLIFE_REPLAY='a1-raft-master-7-x; touch FILE #' cargo test -p 'c d' 'a;b' -- --exact --nocapture";
        assert_eq!(test.replay(hostile), expected);
        let keep = test.keep("last", "a1-x-1-AAAA");
        assert_eq!(keep.as_deref(), Some("echo a1-x-1-AAAA 'a;b' >> 'my tests/a.afterlife'"));
        let mut foreign = use_after_teardown();
        for (token, printed) in
            [("cargo test a -- --exact --nocapture", "cargo test a -- --exact --nocapture"), ("rm x", "'rm x'")]
        {
            foreign.finding.token = token.to_owned();
            assert_eq!(program.replay_of(&foreign), printed);
        }
    }
}
