//! The program with scenarios that a package of the workspace declares: its build, for each engine, and its start.

use crate::refusal::{Refusal, cargo};
use crate::workspace::Metadata;
use serde_json::Value;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The variable that tells the program how it was started, for the commands that its reports propose.
const CALLED: &str = "AFTERLIFE_CALLED";

/// The command that compares engines. Each engine has its own build.
const ENGINES: &str = "engines";

/// The engine that needs a compiler flag, besides the package feature that every engine needs.
const MADSIM: (&str, &str) = ("madsim", "--cfg madsim");

/// The engines other than the native one.
const OTHERS: [&str; 2] = ["turmoil", MADSIM.0];

/// The exit code of a program that has no matching scenario: not every scenario runs on every engine.
const NOTHING_MATCHED: i32 = 4;

/// A program with scenarios.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) package: String,
    pub(crate) binary: String,
    /// The package's folder, where regressions are stored.
    pub(crate) folder: PathBuf,
    /// The package's version, for `--version`.
    pub(crate) version: String,
}

/// Builds the workspace's program and replaces this process with it. Returns only on failure.
pub(crate) fn replace_process_with(metadata: &Metadata, mut words: Vec<OsString>, called: &str) -> Refusal {
    let built = metadata.program().and_then(|runner| {
        if words.first().is_some_and(|first| first == ENGINES) {
            let files = OTHERS.into_iter().map(|engine| lines_of(metadata, &runner, engine, &words));
            for file in files.collect::<Result<Vec<_>, _>>()? {
                words.extend(["--beside".into(), file.into()]);
            }
        }
        Ok((build(metadata, &runner, None)?, runner))
    });
    match built {
        Ok((program, runner)) => replace_process(&program, &runner, words, called),
        Err(refusal) => refusal,
    }
}

/// Runs the program's build for another engine. Returns the file with its lines.
fn lines_of(metadata: &Metadata, runner: &Program, engine: &str, words: &[OsString]) -> Result<PathBuf, Refusal> {
    let program = build(metadata, runner, Some(engine))?;
    let output = Command::new(&program)
        .args(words)
        .arg("--lines")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Refusal::new(format!("{program} could not be started: {error}"), "build it again"))?;
    if !output.status.success() && output.status.code() != Some(NOTHING_MATCHED) {
        return Err(Refusal::new(format!("the build for {engine} failed"), "fix the error above"));
    }
    let file = folder_of(metadata, engine).join("engines.jsonl");
    std::fs::write(&file, output.stdout)
        .map_err(|error| Refusal::new(format!("{}: {error}", file.display()), "check that the folder is writable"))?;
    Ok(file)
}

/// The target folder of an engine's build. Its dependencies have other features or flags, so builds in one folder would
/// replace each other.
fn folder_of(metadata: &Metadata, engine: &str) -> PathBuf {
    metadata.target().join("engines").join(engine)
}

/// Builds the program, for the native engine or another one. Returns its path.
fn build(metadata: &Metadata, runner: &Program, engine: Option<&str>) -> Result<String, Refusal> {
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--message-format", "json-render-diagnostics"]).args(metadata.manifest());
    if let Some(engine) = engine {
        cargo.arg("--target-dir").arg(folder_of(metadata, engine));
        if engine == MADSIM.0 {
            let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
            cargo.env("RUSTFLAGS", format!("{flags} {}", MADSIM.1).trim());
        }
        cargo.args(["--features", engine]);
    }
    let output = cargo
        .args(["--package", &runner.package, "--bin", &runner.binary])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Refusal::cargo(&error))?;
    if !output.status.success() {
        let why = format!("`{}` of {} does not build", runner.binary, runner.package);
        return Err(Refusal::unbuilt(why));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let programs = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut built = programs.filter(|message| message["target"]["name"] == runner.binary.as_str());
    let program = built.find_map(|message| message["executable"].as_str().map(str::to_owned));
    program
        .ok_or_else(|| Refusal::new(format!("cargo built no `{}`", runner.binary), "check that it is a binary target"))
}

/// Replaces this process with the program, and returns only on failure. The program gets its package's folder, name and version, as from
/// `cargo run`.
fn replace_process(program: &str, runner: &Program, words: Vec<OsString>, called: &str) -> Refusal {
    let mut command = Command::new(program);
    command.args(words).env(CALLED, called).env("CARGO_MANIFEST_DIR", &runner.folder);
    let error = command.env("CARGO_PKG_NAME", &runner.package).env("CARGO_PKG_VERSION", &runner.version).exec();
    Refusal::new(format!("{program} could not be started: {error}"), "build it again")
}
