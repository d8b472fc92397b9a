//! This binary as a command, with the command line that every program with scenarios has, and its output.

use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// Set where this binary is called as a command and not as a test runner.
const COMMAND: &str = "HARNESS_COMMAND";

pub(super) fn is_command() -> bool {
    std::env::var_os(COMMAND).is_some()
}

/// The output of a command.
#[derive(Debug)]
pub(crate) struct Output {
    /// The exit code; -1 after a signal.
    pub(crate) code: i32,
    /// The standard output.
    pub(crate) out: String,
    /// The standard error.
    pub(crate) err: String,
}

impl Output {
    /// The lines of a JSON report.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{self:?}"));
        self.out.lines().map(line).collect()
    }

    /// The findings of a JSON report.
    pub(crate) fn findings(&self) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["kind"] == "finding").collect()
    }

    /// The only finding of a JSON report.
    pub(crate) fn finding(&self) -> Value {
        let findings = self.findings();
        assert_eq!(findings.len(), 1, "{} findings instead of one: {}", findings.len(), self.out);
        findings.into_iter().next().unwrap_or_default()
    }

    /// The last line of a JSON report.
    pub(crate) fn summary(&self) -> Value {
        let summary = self.lines().pop().unwrap_or_default();
        assert_eq!(summary["kind"], "summary", "the last line is the summary: {self:?}");
        summary
    }
}

/// This binary as a command with these arguments. It writes its records to a folder that is named after the arguments.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let program = std::env::current_exe().expect("this process has an executable");
    let name = program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let out: PathBuf = [env!("CARGO_TARGET_TMPDIR"), &name, &arguments.join("_").replace('/', "-")].iter().collect();
    let mut command = Command::new(program);
    command.args(arguments).env(COMMAND, "1").env("AFTERLIFE_OUT", out).env("NO_COLOR", "1");
    command
}

/// Runs a command to its end.
pub(crate) fn output_of(command: &mut Command) -> Output {
    let output = command.output().expect("this executable can be started again");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("a report is text");
    Output { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// Calls this binary with these arguments.
pub(crate) fn cli(arguments: &[&str]) -> Output {
    output_of(&mut command(arguments))
}

/// A campaign over these seeds of a scenario, with a JSON report.
pub(crate) fn campaign(scenario: &str, seeds: &str) -> Output {
    cli(&["run", scenario, "--seeds", seeds, "--report", "json"])
}

/// Asserts that a campaign over all seeds of a scenario holds. `AFTERLIFE_SEEDS` selects other seeds.
pub(crate) fn campaign_holds(scenario: &str) {
    // The test runner already runs tests in parallel, so one runner process per test is enough.
    let output = cli(&["run", scenario, "--max-failures", "1", "--jobs", "1"]);
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
}

/// The signature of the only finding of a campaign over 20 seeds.
pub(crate) fn signature(scenario: &str) -> String {
    let output = campaign(scenario, "20");
    assert_eq!(output.code, 1, "{output:?}");
    output.finding()["signature"].as_str().expect("a signature is text").to_owned()
}
