//! Folders depend one way, and files form no circles.

use crate::known;
use crate::modules::{Package, is_map};
use crate::source::{SourceFile, assert_offences, files};
use std::collections::{BTreeMap, BTreeSet};

/// The root file of each package whose files form no circles.
const PACKAGES: [&str; 3] = ["src/lib.rs", "sim/src/lib.rs", "scenarios/src/lib.rs"];

/// Folders, each with its layers from the ground up: a file names files of its own layer and of those before it. Files that lie
/// directly in the folder are above all layers.
const LAYERS: [(&str, &[&str]); 2] = [
    (
        "src/",
        &[
            "model",
            "rt",
            "fault",
            "invariant",
            "scenario",
            "run",
            "failure",
            "runner",
            "search",
            "report",
            "watch",
            "testing",
            "cli",
        ],
    ),
    ("sim/src/", &["host", "event", "kernel", "libc", "isolate", "guest"]),
];

/// Files that lie beside their subject, although every layer may name them. They name no other file.
const GROUND: [&str; 1] = ["sim/src/guest/shared_names.rs"];

#[test]
fn folders_depend_one_way() {
    let files = files("rs");
    let found = PACKAGES.iter().flat_map(|root| {
        let arrows = Package::read(root, &files).arrows();
        arrows.into_iter().filter_map(|(from, to)| upward(&from, &to)).collect::<Vec<_>>()
    });
    assert_offences(found.collect(), known::UPWARD);
}

#[test]
fn files_form_no_circles() {
    let files = files("rs");
    let mut found = Vec::new();
    let mut examples = String::new();
    for root in PACKAGES {
        for circle in circles(&Package::read(root, &files).arrows()) {
            if circle.iter().any(|file| !known::CIRCLES.contains(&file.as_str())) {
                examples += &format!("\n  {}", circle.join("\n    → "));
            }
            found.extend(circle);
        }
    }
    assert!(examples.is_empty(), "circles:{examples}");
    assert_offences(found, known::CIRCLES);
}

#[test]
fn no_file_lies_loose() {
    let loose = files("rs").into_iter().map(|file| file.path).filter(|path| is_loose(path));
    assert_offences(loose.collect(), &[]);
}

#[test]
fn every_folder_has_its_layer() {
    let all = files("rs");
    for (folder, layers) in LAYERS {
        let folders: BTreeSet<_> = all.iter().filter_map(|file| layer(folder, &file.path)).collect();
        let listed: BTreeSet<_> = layers.iter().copied().collect();
        let unranked: Vec<_> = folders.difference(&listed).filter(|layer| **layer != "bin").collect();
        assert!(unranked.is_empty(), "{folder}: add {unranked:?} to LAYERS");
        let gone: Vec<_> = listed.difference(&folders).collect();
        assert!(gone.is_empty(), "{folder} has no {gone:?}");
    }
}

/// True for a file that lies directly in a folder of layers.
fn is_loose(path: &str) -> bool {
    LAYERS
        .iter()
        .any(|(folder, _)| path.strip_prefix(folder).is_some_and(|rest| !rest.contains('/') && rest != "lib.rs"))
}

/// The folder below this one in which a file lies.
fn layer<'a>(folder: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(folder)?.split_once('/').map(|(layer, _)| layer)
}

/// The offence of a file that names a file of a higher layer.
fn upward(from: &str, to: &str) -> Option<String> {
    let rank = |folder: &str, layers: &[&str], path: &str| {
        layer(folder, path).map_or(Some(layers.len()), |layer| layers.iter().position(|own| *own == layer))
    };
    let is_ground = |path: &str| GROUND.contains(&path);
    if is_ground(to) {
        return None;
    }
    LAYERS.iter().filter(|(folder, _)| from.starts_with(folder) && to.starts_with(folder)).find_map(
        |(folder, layers)| {
            let (from_rank, to_rank) = (rank(folder, layers, from)?, rank(folder, layers, to)?);
            (from_rank < to_rank || is_ground(from)).then(|| format!("{from} names {to}"))
        },
    )
}

/// Groups of files that can all be reached from each other.
fn circles(arrows: &BTreeSet<(String, String)>) -> Vec<Vec<String>> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in arrows {
        next.entry(from).or_default().push(to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> = next.keys().map(|file| (*file, reachable(&next, file))).collect();
    let mut circles = Vec::new();
    let mut placed = BTreeSet::new();
    for (file, own) in &reached {
        if own.contains(file) && !placed.contains(file) {
            let circle = own.iter().filter(|other| reached.get(*other).is_some_and(|back| back.contains(file)));
            let circle: Vec<_> = circle.copied().collect();
            placed.extend(circle.iter().copied());
            circles.push(circle.into_iter().map(str::to_owned).collect());
        }
    }
    circles
}

/// The files that a file names, directly or through others.
fn reachable<'a>(next: &BTreeMap<&'a str, Vec<&'a str>>, start: &'a str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut pending = vec![start];
    while let Some(file) = pending.pop() {
        pending.extend(next.get(file).into_iter().flatten().filter(|to| seen.insert(**to)));
    }
    seen
}

// -- the checks can fail

fn package(files: &[(&str, &str)]) -> Package {
    let file = |(path, text): &(&str, &str)| SourceFile { path: (*path).to_owned(), text: (*text).to_owned() };
    Package::read("src/lib.rs", &files.iter().map(file).collect::<Vec<_>>())
}

fn arrows(files: &[(&str, &str)]) -> Vec<String> {
    package(files).arrows().into_iter().map(|(from, to)| format!("{from} → {to}")).collect()
}

#[test]
fn names_are_resolved_to_the_file_that_defines_them() {
    let files = [
        ("src/lib.rs", "mod model; mod run; pub use model::Verdict;"),
        ("src/model/mod.rs", "mod verdict; mod words; pub(crate) use verdict::{Verdict, judge as decide};"),
        ("src/model/verdict.rs", "pub struct Verdict; pub fn judge() {} macro_rules! m { () => {} } pub(crate) use m;"),
        ("src/model/words.rs", "use super::Verdict; impl Verdict { fn word(&self) {} }"),
        ("src/run/mod.rs", "mod execute; mod parts;"),
        (
            "src/run/execute.rs",
            "use crate::model; use super::parts::{self, Part as Own}; fn f() { model::decide(); parts::go(); } \
             #[cfg(test)] mod tests { use crate::nothing; } mod inner { fn g() { super::Own::new(); } }",
        ),
        (
            "src/run/parts.rs",
            "pub struct Part; pub fn go() { println!(\"{}\", crate::Verdict::X); } // crate::run::execute\n\
             const S: &str = \"crate::run::execute\"; fn t() { std::fs::read(tokio::net::X); }",
        ),
    ];
    let expected = [
        "src/model/words.rs → src/model/verdict.rs",
        "src/run/execute.rs → src/model/mod.rs",
        "src/run/execute.rs → src/model/verdict.rs",
        "src/run/execute.rs → src/run/parts.rs",
        "src/run/parts.rs → src/model/verdict.rs",
    ];
    assert_eq!(arrows(&files), expected);
    let foreign = package(&files).foreign();
    let foreign: Vec<_> = foreign.iter().map(|(file, path)| format!("{file}: {path}")).collect();
    assert_eq!(foreign, ["src/run/parts.rs: std::fs::read", "src/run/parts.rs: tokio::net::X"]);
}

#[test]
fn upward_names_circles_and_loose_files_are_found() {
    assert_eq!(
        upward("src/model/verdict.rs", "src/run/execute.rs").as_deref(),
        Some("src/model/verdict.rs names src/run/execute.rs")
    );
    assert_eq!(upward("src/run/execute.rs", "src/model/verdict.rs"), None);
    assert_eq!(upward("src/run/execute.rs", "src/run/observer.rs"), None);
    assert!(upward("sim/src/kernel/x.rs", "sim/src/lib.rs").is_some(), "the root is above all layers");
    assert!(upward("sim/src/libc/x.rs", GROUND[0]).is_none() && upward(GROUND[0], "sim/src/event/x.rs").is_some());
    let arrow = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let arrows = [arrow("a", "b"), arrow("b", "c"), arrow("c", "a"), arrow("c", "d"), arrow("e", "a")];
    assert_eq!(circles(&BTreeSet::from(arrows)), [["a", "b", "c"]]);
    assert!(is_map("src/model/mod.rs") && !is_map("src/model/verdict.rs"));
    assert!(is_loose("src/story.rs") && is_loose("sim/src/room.rs"));
    assert!(!is_loose("src/lib.rs") && !is_loose("src/bin/cargo-afterlife/main.rs") && !is_loose("probe/src/fact.rs"));
}
