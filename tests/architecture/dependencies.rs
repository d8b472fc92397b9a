//! The crates that a test with afterlife compiles: few, without the command line's, and each from its lowest version on.

use crate::source::read;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The most crates of the default features, afterlife's own among them, in a package that uses nothing else.
const ALONE_MAX: usize = 50;

/// The most crates beside those of tokio, which every program under test has.
const BESIDE_TOKIO_MAX: usize = 40;

/// Crates that only a program with a command line needs.
const OF_THE_COMMAND_LINE: [&str; 5] = ["anstream", "clap", "indicatif", "jiff", "quick-junit"];

/// The manifests of the packages that a test with afterlife compiles.
const MANIFESTS: [&str; 4] = ["Cargo.toml", "sim/Cargo.toml", "probe/Cargo.toml", "macros/Cargo.toml"];

#[test]
fn a_test_compiles_few_crates() {
    let (own, of_tokio) = (crates(&["-p", "afterlife"]), crates(&["-p", "tokio"]));
    let beside: Vec<_> = own.difference(&of_tokio).collect();
    assert!(own.contains("afterlife-sim") && own.contains("tokio"), "{own:?}");
    assert!(own.len() <= ALONE_MAX, "{} crates: {own:?}", own.len());
    assert!(beside.len() <= BESIDE_TOKIO_MAX, "{} crates: {beside:?}", beside.len());
}

#[test]
fn the_command_line_is_behind_its_feature() {
    let (without, with) = (crates(&["-p", "afterlife"]), crates(&["-p", "afterlife", "--features", "cli"]));
    for name in OF_THE_COMMAND_LINE {
        assert!(!without.contains(name) && with.contains(name), "{name} belongs to the feature `cli`");
    }
}

#[test]
fn the_lowest_versions_that_are_asked_for_are_tested() {
    let locked = locked(&read("tests/lowest/Cargo.lock"));
    let workspace = requirements(&read("Cargo.toml"), "[workspace.dependencies]");
    let mut offences = Vec::new();
    for manifest in MANIFESTS {
        for (name, asked) in requirements(&read(manifest), "[dependencies]") {
            let asked = asked.or_else(|| workspace.get(&name).cloned().flatten());
            let Some(lowest) = asked.map(|asked| lowest(&asked)) else { continue };
            let versions = locked.get(&name);
            if !versions.is_some_and(|versions| versions.contains(&lowest)) {
                offences.push(format!("{name} {lowest} is asked for in {manifest}, and locked is {versions:?}"));
            }
        }
    }
    assert!(locked.contains_key("tokio"));
    assert_eq!(offences, [""; 0], "in tests/lowest: cargo update -p CRATE --precise VERSION");
}

/// The names of the crates that a package compiles, as cargo resolves them.
fn crates(arguments: &[&str]) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]).args(arguments);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names are text");
    text.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The required dependencies in a section of a manifest, with their versions where the section has them. Packages of this repository are
/// left out.
fn requirements(manifest: &str, section: &str) -> BTreeMap<String, Option<String>> {
    let lines = manifest.lines().skip_while(|line| *line != section).skip(1).take_while(|line| !line.starts_with('['));
    let mut found = BTreeMap::new();
    for line in lines.filter(|line| !line.starts_with('#') && !line.contains("optional = true")) {
        let Some((key, value)) = line.split_once(" = ") else { continue };
        let name = key.trim_end_matches(".workspace");
        let quoted = value.strip_prefix('"').or_else(|| value.split_once("version = \"").map(|(_, rest)| rest));
        let version = quoted.and_then(|rest| rest.split('"').next()).map(str::to_owned);
        if !name.starts_with("afterlife") {
            found.insert(name.to_owned(), version);
        }
    }
    found
}

/// The lowest version that meets a requirement: `1.0.0` for `1.0`.
fn lowest(requirement: &str) -> String {
    let missing = 2_usize.saturating_sub(requirement.matches('.').count());
    requirement.to_owned() + &".0".repeat(missing)
}

/// The versions of each crate in a lock.
fn locked(lock: &str) -> BTreeMap<String, BTreeSet<String>> {
    let value = |line: &str, key: &str| {
        line.strip_prefix(key).and_then(|rest| rest.strip_prefix(" = \"")?.strip_suffix('"')).map(str::to_owned)
    };
    let mut locked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut name = None;
    for line in lock.lines() {
        name = value(line, "name").or(name);
        // A version may have metadata: `2.1.3+zstd.1.5.7`.
        let version = value(line, "version").map(|version| version.split('+').next().unwrap_or_default().to_owned());
        if let (Some(name), Some(version)) = (&name, version) {
            locked.entry(name.clone()).or_default().insert(version);
        }
    }
    locked
}

#[test]
fn a_requirement_above_the_locked_version_is_found() {
    let manifest = "[dependencies]\nserde.workspace = true\nstrsim = \"0.11\"\nclap = { workspace = true, optional = true }\n\
                    tokio = { version = \"1.47\", features = [\"net\"] }\nafterlife-probe.workspace = true\n\n[features]\nx = []\n";
    let found = requirements(manifest, "[dependencies]");
    let version = |text: &str| Some(text.to_owned());
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        [("serde".to_owned(), None), ("strsim".to_owned(), version("0.11")), ("tokio".to_owned(), version("1.47")),]
    );
    assert_eq!(["1", "1.47", "1.0.205"].map(lowest), ["1.0.0", "1.47.0", "1.0.205"]);
    let locked = locked(
        "[[package]]\nname = \"tokio\"\nversion = \"1.47.0\"\n\n[[package]]\nname = \"z\"\nversion = \"2.1.3+z\"\n",
    );
    assert!(locked["tokio"].contains("1.47.0") && locked["z"].contains("2.1.3"));
}
