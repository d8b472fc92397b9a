//! Packages depend one way: `scenarios → afterlife → afterlife-sim → afterlife-probe`.

use crate::modules::Package;
use crate::source::{assert_offences, files, read};

/// The packages of this repository that each package may depend on.
const PACKAGES: [(&str, &[&str]); 9] = [
    ("probe/Cargo.toml", &[]),
    ("macros/Cargo.toml", &[]),
    ("sim/Cargo.toml", &["afterlife-probe"]),
    // Its own tests use it with its features.
    ("Cargo.toml", &["afterlife", "afterlife-macros", "afterlife-probe", "afterlife-sim"]),
    ("scenarios/Cargo.toml", &["afterlife", "afterlife-probe"]),
    ("tests/stock/Cargo.toml", &["afterlife"]),
    ("tests/lowest/Cargo.toml", &["afterlife"]),
    ("tests/madsim/Cargo.toml", &["afterlife", "afterlife-probe", "afterlife-scenarios"]),
    ("tests/turmoil/Cargo.toml", &["afterlife", "afterlife-probe", "afterlife-scenarios"]),
];

/// The items of afterlife-sim that start a run or a process, and the places that may name them.
const STARTS: [&str; 4] =
    ["afterlife_sim::Machine", "afterlife_sim::Settings", "afterlife_sim::isolate", "afterlife_sim::run"];
const STARTERS: [&str; 3] = ["src/rt/guest/", "src/run/execute.rs", "src/runner/"];

#[test]
fn packages_depend_one_way() {
    for (manifest, allowed) in PACKAGES {
        assert_eq!(offences(&read(manifest), allowed), [""; 0], "{manifest} may depend on {allowed:?}");
    }
}

#[test]
fn the_probe_has_no_dependencies() {
    let manifest = read("probe/Cargo.toml");
    // A feature may ask for an optional dependency; the default features ask for none.
    assert_eq!(dependencies(&manifest), ["tracing"]);
    let tracing = "tracing = { workspace = true, optional = true }";
    assert!(
        manifest.contains(tracing) && manifest.contains("default = [\"std\"]\n") && manifest.contains("std = []\n")
    );
}

#[test]
fn reports_see_only_the_events_of_the_simulation() {
    assert_none("src/lib.rs", report_looks_behind_events);
}

#[test]
fn runs_start_in_one_place() {
    assert_none("src/lib.rs", starts_a_run_elsewhere);
}

#[test]
fn scenarios_see_only_the_harness() {
    assert_none("scenarios/src/lib.rs", |_, path| leads(path, "afterlife_sim"));
}

/// Asserts that no file of a package names a path of another package that offends.
fn assert_none(root: &str, offends: impl Fn(&str, &str) -> bool) {
    let foreign = Package::read(root, &files("rs")).foreign();
    assert!(!foreign.is_empty(), "paths of other packages are found");
    let found = foreign.iter().filter(|(file, path)| offends(file, path));
    assert_offences(found.map(|(file, path)| format!("{file} names {path}")).collect(), &[]);
}

fn report_looks_behind_events(file: &str, path: &str) -> bool {
    file.starts_with("src/report/") && leads(path, "afterlife_sim") && !leads(path, "afterlife_sim::event")
}

fn starts_a_run_elsewhere(file: &str, path: &str) -> bool {
    STARTS.iter().any(|start| leads(path, start)) && !STARTERS.iter().any(|place| file.starts_with(place))
}

/// The packages that a manifest depends on, in its order.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut listing = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            // `[workspace.dependencies]` only fixes versions.
            listing = section.ends_with("dependencies") && !section.starts_with("workspace");
            if let Some((table, name)) = section.rsplit_once('.') {
                found.extend(table.ends_with("dependencies").then(|| name.to_owned()));
            }
        } else if listing && !line.is_empty() && !line.starts_with('#') {
            found.extend(line.split(['.', '=', ' ']).next().map(str::to_owned));
        }
    }
    found
}

/// The dependencies of a manifest on packages of this repository that are not allowed.
fn offences(manifest: &str, allowed: &[&str]) -> Vec<String> {
    let ours = dependencies(manifest).into_iter().filter(|name| name.starts_with("afterlife"));
    ours.filter(|name| !allowed.contains(&name.as_str())).collect()
}

/// True if a path is this one or one below it.
fn leads(path: &str, to: &str) -> bool {
    path.strip_prefix(to).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[test]
fn a_dependency_in_the_wrong_direction_is_found() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\nafterlife-probe.workspace = true\nlibc = \"0.2\"\n\
                    [dev-dependencies]\nafterlife = { path = \"..\" }\n[target.'cfg(unix)'.dependencies]\nnix = \"1\"\n\
                    [dependencies.afterlife-scenarios]\npath = \"x\"\n[profile.dev]\ndebug = true\n";
    assert_eq!(dependencies(manifest), ["afterlife-probe", "libc", "afterlife", "nix", "afterlife-scenarios"]);
    assert_eq!(offences(manifest, &["afterlife-probe"]), ["afterlife", "afterlife-scenarios"]);
}

#[test]
fn names_of_the_simulation_are_found_where_they_do_not_belong() {
    assert!(report_looks_behind_events("src/report/human.rs", "afterlife_sim::Machine"));
    assert!(!report_looks_behind_events("src/report/human.rs", "afterlife_sim::event::What"));
    assert!(starts_a_run_elsewhere("src/search/replay.rs", "afterlife_sim::isolate::fork"));
    assert!(!starts_a_run_elsewhere("src/runner/serve.rs", "afterlife_sim::isolate::fork"));
    assert!(leads("afterlife_sim::run", "afterlife_sim") && !leads("afterlife_simple::run", "afterlife_sim"));
}
