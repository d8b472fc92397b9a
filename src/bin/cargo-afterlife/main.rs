//! `cargo afterlife …`: shows, keeps and lists what the tests and programs of a workspace found. Commands that run scenarios go to the
//! workspace's program with scenarios, or to cargo.
//!
//! ```text
//! workspace  cargo's metadata, and the test binaries that it builds
//! program    the program with scenarios: built, and started in place of this process
//! new        a package to start from             refusal  the reason why nothing can be done, and cargo itself
//! ```

mod new;
mod program;
mod refusal;
mod workspace;

use afterlife::workspace::{Next, Workspace, carry_out};
use refusal::{Refusal, cargo};
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use workspace::{MANIFEST, Metadata, manifest_words};

/// The command that makes a package to start from.
const NEW: &str = "new";

/// Commands that read records where there is no workspace, too.
const ANYWHERE: [&str; 8] = ["show", "triage", "audit", "help", "--help", "-h", "--version", "-V"];

/// The exit codes of afterlife's own command line: for usage errors, and for code that a replay cannot judge.
const REFUSED: u8 = 2;
const UNFIT: u8 = 125;

/// The command whose exit code `git bisect run` reads.
const REPLAY: &str = "replay";

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
    let manifest = match take_manifest(&mut words) {
        Ok(manifest) => manifest,
        Err(refusal) => return refuse(&refusal),
    };
    let replays = words.first().is_some_and(|first| first == REPLAY);
    let refuse = |refusal: &Refusal| match refusal.is_unbuilt && replays {
        true => refuse_with(refusal, UNFIT),
        false => refuse(refusal),
    };
    let metadata = Metadata::read(manifest.as_deref());
    // A report elsewhere proposes commands that work here.
    let called = match &manifest {
        Some(manifest) => format!("cargo afterlife {MANIFEST}={}", manifest.display()),
        None => "cargo afterlife".to_owned(),
    };
    let metadata = match metadata {
        Ok(metadata) => Some(metadata),
        Err(_) if words.first().is_some_and(|first| ANYWHERE.iter().any(|word| first == word)) => None,
        Err(refusal) => return refuse(&refusal),
    };
    let nowhere = || Workspace { target: "target".into(), ..Workspace::default() };
    let workspace = metadata.as_ref().map_or_else(nowhere, Metadata::workspace);
    let tests = || match &metadata {
        Some(metadata) => metadata.tests().map_err(|Refusal { why, next, .. }| (why, next)),
        None => Ok(Vec::new()),
    };
    match (carry_out(&words, &called, &workspace, tests), &metadata) {
        (Next::Done(code), _) => code,
        (Next::Program, Some(metadata)) => refuse(&program::replace_process_with(metadata, words, &called)),
        (Next::Program, None) => unreachable!("without a workspace there is no program"),
        (Next::Cargo { words, variables }, _) => {
            let (command, rest) = words.split_at(1);
            if let Err(refusal) = build(command, manifest.as_deref(), rest) {
                return refuse(&refusal);
            }
            let error =
                cargo().args(command).args(manifest_words(manifest.as_deref())).args(rest).envs(variables).exec();
            refuse(&Refusal::cargo(&error))
        }
    }
}

/// Builds what these words of cargo run: a test that does not build would end with the exit code of a test that fails.
fn build(command: &[String], manifest: Option<&Path>, rest: &[String]) -> Result<(), Refusal> {
    let options = rest.split(|word| word == "--").next().unwrap_or_default();
    let mut cargo = cargo();
    cargo
        .args(command)
        .args(["--no-run", "--quiet"])
        .args(manifest_words(manifest))
        .args(options)
        .stdout(Stdio::null());
    match cargo.status().map_err(|error| Refusal::cargo(&error))?.success() {
        true => Ok(()),
        false => Err(Refusal::unbuilt("the test does not build")),
    }
}

/// Takes the option that names another workspace than that of the current folder.
fn take_manifest(words: &mut Vec<OsString>) -> Result<Option<PathBuf>, Refusal> {
    let with_value = |word: &OsString| Some(PathBuf::from(word.to_str()?.strip_prefix(MANIFEST)?.strip_prefix('=')?));
    let Some(at) = words.iter().position(|word| word == MANIFEST || with_value(word).is_some()) else {
        return Ok(None);
    };
    let word = words.remove(at);
    if let Some(value) = with_value(&word) {
        return Ok(Some(value));
    }
    if at == words.len() {
        return Err(Refusal::new(format!("{MANIFEST} needs the path of a Cargo.toml"), "name one, or leave it out"));
    }
    Ok(Some(words.remove(at).into()))
}

fn refuse(refusal: &Refusal) -> ExitCode {
    refuse_with(refusal, REFUSED)
}

fn refuse_with(refusal: &Refusal, code: u8) -> ExitCode {
    // There is nowhere to say that this cannot be written.
    let _ = writeln!(io::stderr(), "error: {}\n  next: {}", refusal.why, refusal.next);
    ExitCode::from(code)
}
