//! `cargo afterlife …`: finds the workspace's program with scenarios, builds it, and replaces itself with it.
//! It links no scenario and passes all arguments on. Only `new` needs no such program.

mod new;
mod refusal;

use refusal::{Refusal, cargo};
use serde_json::Value;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// The variable that tells the program how it was started, for the commands that its reports propose.
const CALLED: (&str, &str) = ("AFTERLIFE_CALLED", "cargo afterlife");

/// The command that compares engines. Each engine has its own build.
const ENGINES: &str = "engines";

/// The command that makes a package to start from.
const NEW: &str = "new";

/// The engine that needs a compiler flag, besides the package feature that every engine needs.
const MADSIM: (&str, &str) = ("madsim", "--cfg madsim");

/// The engines other than the native one.
const OTHERS: [&str; 2] = ["turmoil", MADSIM.0];

/// The exit code of a program that has no matching scenario: not every scenario runs on every engine.
const NOTHING_MATCHED: i32 = 4;

/// The exit code for usage errors, as on afterlife's own command line.
const REFUSED: u8 = 2;

/// A program with scenarios.
struct Runner {
    package: String,
    binary: String,
    /// The package's folder, where regressions are stored.
    folder: PathBuf,
    /// The package's version, for `--version`.
    version: String,
}

fn main() -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().skip(1).collect();
    // Cargo passes the subcommand's name.
    if words.first().is_some_and(|first| first == "afterlife") {
        words.remove(0);
    }
    if words.first().is_some_and(|first| first == NEW) {
        return match new::new(&words[1..]) {
            Ok(()) => ExitCode::SUCCESS,
            Err(refusal) => refuse(&refusal),
        };
    }
    let built = find().and_then(|runner| {
        if words.first().is_some_and(|first| first == ENGINES) {
            let files = OTHERS.into_iter().map(|engine| lines_of(&runner, engine, &words));
            for file in files.collect::<Result<Vec<_>, _>>()? {
                words.extend(["--beside".into(), file.into()]);
            }
        }
        Ok((build(&runner, None)?, runner))
    });
    match built.map(|(program, runner)| replace_process(&program, &runner, words)) {
        Ok(refusal) | Err(refusal) => refuse(&refusal),
    }
}

fn refuse(refusal: &Refusal) -> ExitCode {
    // There is nowhere to say that this cannot be written.
    let _ = writeln!(io::stderr(), "error: {}\n  next: {}", refusal.why, refusal.next);
    ExitCode::from(REFUSED)
}

/// The one program that a package of this workspace declares as `[package.metadata.afterlife] runner = "binary"`.
fn find() -> Result<Runner, Refusal> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Refusal::cargo(&error))?;
    if !output.status.success() {
        return Err(Refusal::new("cargo could not read the workspace", "fix the error above"));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| {
        Refusal::new(format!("cannot read cargo's metadata of the workspace: {error}"), "update cargo")
    })?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut runners: Vec<Runner> = packages.iter().filter_map(declared_by).collect();
    let names = || runners.iter().map(|runner| runner.package.as_str()).collect::<Vec<_>>().join(", ");
    match runners.len() {
        1 => Ok(runners.remove(0)),
        0 => Err(Refusal::new(
            "no package of this workspace declares a program with scenarios",
            "add `[package.metadata.afterlife]` with `runner = \"<binary>\"` to the package that has it",
        )),
        _ => Err(Refusal::new(
            format!("several packages of this workspace declare a program with scenarios: {}", names()),
            "run one of them with `cargo run --release -p <package> -- …`",
        )),
    }
}

fn declared_by(package: &Value) -> Option<Runner> {
    let binary = package["metadata"]["afterlife"]["runner"].as_str()?;
    let folder = Path::new(package["manifest_path"].as_str()?).parent()?.to_owned();
    let text = |name: &str| package[name].as_str().map(str::to_owned);
    Some(Runner { package: text("name")?, binary: binary.to_owned(), version: text("version")?, folder })
}

/// Runs the program's build for another engine. Returns the file with its lines.
fn lines_of(runner: &Runner, engine: &str, words: &[OsString]) -> Result<PathBuf, Refusal> {
    let program = build(runner, Some(engine))?;
    let output = Command::new(&program)
        .args(words)
        .arg("--lines")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Refusal::new(format!("{program} could not be started: {error}"), "build it again"))?;
    if !output.status.success() && output.status.code() != Some(NOTHING_MATCHED) {
        return Err(Refusal::new(format!("the build for {engine} failed"), "fix the error above"));
    }
    let file = folder_of(engine).join("engines.jsonl");
    std::fs::write(&file, output.stdout)
        .map_err(|error| Refusal::new(format!("{}: {error}", file.display()), "check that the folder is writable"))?;
    Ok(file)
}

/// The target folder of an engine's build. Its dependencies have other features or flags, so builds in one folder would
/// replace each other.
fn folder_of(engine: &str) -> PathBuf {
    ["target", "engines", engine].iter().collect()
}

/// Builds the program, for the native engine or another one. Returns its path.
fn build(runner: &Runner, engine: Option<&str>) -> Result<String, Refusal> {
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--message-format", "json-render-diagnostics"]);
    if let Some(engine) = engine {
        cargo.arg("--target-dir").arg(folder_of(engine));
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
        return Err(Refusal::new(why, "fix the errors above"));
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
fn replace_process(program: &str, runner: &Runner, words: Vec<OsString>) -> Refusal {
    let mut command = Command::new(program);
    command.args(words).env(CALLED.0, CALLED.1).env("CARGO_MANIFEST_DIR", &runner.folder);
    let error = command.env("CARGO_PKG_NAME", &runner.package).env("CARGO_PKG_VERSION", &runner.version).exec();
    Refusal::new(format!("{program} could not be started: {error}"), "build it again")
}
