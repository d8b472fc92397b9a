//! The commands that a report proposes, ready to paste into a shell.
//! The prefix is a guess at how the program was started; the token is exact.

use crate::failure::failing_run::FailingRun;
use crate::failure::regressions::here;
use crate::failure::replay_text;
use crate::failure::test_origin::TestOrigin;
use crate::model::build::Build;
use crate::model::shell::quoted;
use crate::search::settings::CALLED;
use std::path::{Path, PathBuf};

/// The way to start this program or test again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Paste {
    /// A program with afterlife's command line.
    Program {
        /// The command that started it: `cargo afterlife`, `cargo run --release --`, `./runner`.
        called: String,
        /// The folder with the findings, if the program would not look there.
        out: Option<String>,
    },
    /// A test in a package.
    Test(TestCommands),
}

/// The commands of a test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TestCommands {
    /// Its path, as the test runner writes it.
    pub(crate) path: String,
    /// The folder in which its commands are typed, if it is not that of this process.
    pub(crate) folder: Option<PathBuf>,
    /// The words after `cargo test` that select the package, the target and the build.
    pub(crate) selection: Vec<String>,
    /// The command that reads records, with its options: `cargo afterlife`. `None` if it is not installed.
    pub(crate) tool: Option<Tool>,
    /// Its regressions file, if known: without the tool, a line is added by hand.
    pub(crate) regressions: Option<String>,
}

/// `cargo afterlife`, as this test needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tool {
    /// The command.
    pub(crate) called: String,
    /// The folder with the findings, if the tool would not look there.
    pub(crate) out: Option<String>,
    /// The manifest of the workspace, if the command is typed elsewhere.
    pub(crate) manifest: Option<String>,
}

impl Tool {
    fn words(&self) -> String {
        let option = |name: &str, value: &Option<String>| match value {
            Some(value) => format!(" {name} {}", quoted(value)),
            None => String::new(),
        };
        option("--out", &self.out) + &option("--manifest-path", &self.manifest)
    }
}

impl Paste {
    /// The commands of this program.
    pub(crate) fn of_this_program() -> Self {
        Self::program(std::env::var(CALLED).ok().as_deref(), None)
    }

    /// The commands of the program that the user calls so. `out` is the folder with its findings, if it would not look there.
    pub(crate) fn program(called: Option<&str>, out: Option<&Path>) -> Self {
        let by_cargo = || std::env::var_os("CARGO").is_some();
        let called = match called {
            // The text has a command of several words; a program's path is one word, spaces and all.
            Some(called) => called.split_whitespace().map(quoted).collect::<Vec<_>>().join(" "),
            None if by_cargo() && cfg!(debug_assertions) => "cargo run --".to_owned(),
            None if by_cargo() => "cargo run --release --".to_owned(),
            None => quoted(&std::env::args().next().unwrap_or_else(|| "afterlife".to_owned())).into_owned(),
        };
        Self::Program { called, out: out.map(here) }
    }

    /// The commands for a finding of this test, if it is one: whoever shows it, the test replays it.
    pub(crate) fn of_finding(&self, test: Option<&TestOrigin>) -> Self {
        match (self, test) {
            (Self::Program { called, out }, Some(test)) => Self::Test(TestCommands {
                path: test.path.clone(),
                folder: None,
                selection: test.selection().into_iter().chain(test.options.iter().cloned()).collect(),
                tool: Some(Tool { called: called.clone(), out: out.clone(), manifest: None }),
                regressions: None,
            }),
            _ => self.clone(),
        }
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
            Self::Program { called, .. } => format!("{called} replay {token}"),
            Self::Test(test) => {
                let selection: String = test.selection.iter().map(|word| format!(" {}", quoted(word))).collect();
                let path = quoted(&test.path);
                format!("AFTERLIFE_REPLAY={token} cargo test{selection} {path} -- --exact --nocapture")
            }
        }
    }

    /// The command that shows a finding from its record.
    pub(crate) fn show(&self, id: &str) -> Option<String> {
        self.command("show", id)
    }

    /// The command that adds a finding to the regressions.
    pub(crate) fn keep(&self, id: &str, token: &str) -> Option<String> {
        if let Self::Test(TestCommands { path, tool: None, regressions, .. }) = self {
            let [token, path] = [token, path].map(|word| quoted(word));
            return regressions.as_ref().map(|file| format!("echo {token} {path} >> {}", quoted(file)));
        }
        self.command("keep", id)
    }

    /// A path, relative to the folder in which the commands are typed if it is inside it.
    pub(crate) fn place(&self, path: &Path) -> String {
        match self {
            Self::Test(TestCommands { folder: Some(folder), .. }) => {
                path.strip_prefix(folder).unwrap_or(path).display().to_string()
            }
            _ => here(path),
        }
    }

    /// A command about a record.
    fn command(&self, command: &str, id: &str) -> Option<String> {
        let id = quoted(id);
        match self {
            Self::Program { called, out } => {
                let tool = Tool { called: called.clone(), out: out.clone(), manifest: None };
                Some(format!("{called} {command} {id}{}", tool.words()))
            }
            Self::Test(test) => {
                test.tool.as_ref().map(|tool| format!("{} {command} {id}{}", tool.called, tool.words()))
            }
        }
    }

    /// The command that finds the first event in which two runs of one seed differ.
    pub(crate) fn check(&self, scenario: &str, build: Build, seed: u64) -> Option<String> {
        match self {
            Self::Program { called, .. } => {
                let scenario = quoted(scenario);
                Some(format!("{called} check {scenario} --build {build} --seeds {seed}..{}", seed.saturating_add(1)))
            }
            Self::Test(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::sample::use_after_teardown;
    use crate::failure::test_origin::TestTarget;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn cargo_afterlife() -> Paste {
        Paste::Program { called: "cargo afterlife".into(), out: None }
    }

    #[test]
    fn a_test_is_replayed_through_its_environment() {
        let mut test = TestCommands {
            path: "brokers::survive".into(),
            folder: Some("/src/shop".into()),
            selection: words("-p broker --test brokers --release"),
            tool: None,
            regressions: Some("tests/brokers.afterlife".into()),
        };
        let replay = "AFTERLIFE_REPLAY=a1-x-1-AAAA cargo test -p broker --test brokers --release brokers::survive \
                      -- --exact --nocapture";
        let paste = Paste::Test(test.clone());
        assert_eq!(paste.replay("a1-x-1-AAAA"), replay);
        assert_eq!(paste.show("ab12"), None);
        assert_eq!(paste.place(Path::new("/src/shop/target/x")), "target/x");
        assert_eq!(paste.place(Path::new("/src/shops")), "/src/shops");
        let keep = paste.keep("ab12", "a1-x-1-AAAA");
        assert_eq!(keep.as_deref(), Some("echo a1-x-1-AAAA brokers::survive >> tests/brokers.afterlife"));
        test.tool = Some(Tool {
            called: "cargo afterlife".into(),
            out: Some("my findings".into()),
            manifest: Some("broker/Cargo.toml".into()),
        });
        let paste = Paste::Test(test);
        let options = "--out 'my findings' --manifest-path broker/Cargo.toml";
        assert_eq!(paste.show("ab12"), Some(format!("cargo afterlife show ab12 {options}")));
        assert_eq!(paste.keep("ab12", "a1-x-1-AAAA"), Some(format!("cargo afterlife keep ab12 {options}")));
    }

    #[test]
    fn a_finding_of_a_test_is_replayed_by_its_test() {
        let origin = TestOrigin {
            package: "shop".into(),
            target: TestTarget::Lib,
            path: "orders::hold".into(),
            source: None,
            options: words("--features fast"),
        };
        let paste = cargo_afterlife().of_finding(Some(&origin));
        let replay = "AFTERLIFE_REPLAY=a1-x-1-AAAA cargo test -p shop --lib --features fast orders::hold \
                      -- --exact --nocapture";
        assert_eq!(paste.replay("a1-x-1-AAAA"), replay);
        assert_eq!(paste.keep("ab12", "a1-x-1-AAAA").as_deref(), Some("cargo afterlife keep ab12"));
        assert_eq!(cargo_afterlife().of_finding(None), cargo_afterlife());
    }

    #[test]
    fn a_program_looks_for_its_findings_where_it_wrote_them() {
        let paste = Paste::Program { called: "./run".into(), out: Some("night 1".into()) };
        assert_eq!(paste.show("ab12").as_deref(), Some("./run show ab12 --out 'night 1'"));
        assert_eq!(paste.keep("ab12", "a1-x-1-AAAA").as_deref(), Some("./run keep ab12 --out 'night 1'"));
        assert_eq!(Paste::program(Some("cargo afterlife"), None), cargo_afterlife());
    }

    #[test]
    fn no_word_of_a_command_is_more_than_a_word() {
        let hostile = "a1-raft-master-7-x; touch FILE #";
        let program = Paste::Program { called: quoted("/my programs/run").into_owned(), out: None };
        assert_eq!(program.replay(hostile), "'/my programs/run' replay 'a1-raft-master-7-x; touch FILE #'");
        assert_eq!(program.show("$(id)").as_deref(), Some("'/my programs/run' show '$(id)'"));
        let test = Paste::Test(TestCommands {
            path: "a;b".into(),
            folder: None,
            selection: vec!["-p".into(), "c d".into()],
            tool: None,
            regressions: Some("my tests/a.afterlife".into()),
        });
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
