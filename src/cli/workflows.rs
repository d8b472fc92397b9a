//! Tests of this repository's GitHub workflows: they are valid YAML, and their commands exist.

use super::grammar::{Read, read};
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use yaml_rust2::{Yaml, YamlLoader};

/// The words of a workflow command that precede ours.
const CARGO_RUN: &str = "cargo run --release --locked -- ";

fn workflows() -> Vec<(String, Yaml)> {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), ".github", "workflows"].iter().collect();
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("there are workflows").flatten().map(|entry| entry.path()).collect();
    files.sort();
    let read = |file: PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("a workflow can be read");
        let documents = YamlLoader::load_from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let [document] =
            <[Yaml; 1]>::try_from(documents).unwrap_or_else(|all| panic!("{name}: {} documents", all.len()));
        (name, document)
    };
    files.into_iter().map(read).collect()
}

/// The steps of a workflow, each with its job's name.
fn steps(workflow: &Yaml) -> Vec<(String, Yaml)> {
    let jobs = workflow["jobs"].as_hash().expect("a workflow has jobs");
    let steps = jobs.iter().flat_map(|(name, job)| {
        let name = name.as_str().unwrap_or_default().to_owned();
        let steps = job["steps"].as_vec().unwrap_or_else(|| panic!("{name} has no steps"));
        assert!(job["timeout-minutes"].as_i64().is_some(), "{name} may hang for six hours");
        steps.iter().map(move |step| (name.clone(), step.clone()))
    });
    steps.collect()
}

/// The afterlife commands of a step, with GitHub's expressions replaced by a number.
fn commands(step: &Yaml) -> Vec<Vec<OsString>> {
    let script = step["run"].as_str().unwrap_or_default().replace("\\\n", " ");
    let ours = script.lines().filter_map(|line| line.split_once(CARGO_RUN)).map(|(_, words)| {
        let mut words = words.split(" || ").next().unwrap_or_default().to_owned();
        while let Some((before, rest)) = words.split_once("${{") {
            let after = rest.split_once("}}").map_or("", |(_, after)| after);
            words = format!("{before}1{after}");
        }
        std::iter::once("afterlife").chain(words.split_whitespace()).map(OsString::from).collect()
    });
    ours.collect()
}

fn night() -> Yaml {
    let night = workflows().into_iter().find(|(name, _)| name == "nightly.yml");
    night.expect("there is a nightly workflow").1
}

#[test]
fn every_command_of_a_workflow_exists() {
    let mut met = 0;
    for (name, workflow) in workflows() {
        for (job, step) in steps(&workflow) {
            assert!(step["uses"].as_str().is_some() || step["run"].as_str().is_some(), "{name}: {job}: an empty step");
            for words in commands(&step) {
                met += 1;
                assert!(matches!(read(words.clone()), Ok(Read::Arguments(_))), "{name}: {job}: {words:?}");
            }
        }
    }
    assert!(met >= 2, "found only {met} commands: are they written in some other way?");
}

/// `cargo test` in the root tests `scenarios/` alone, so a test of another package needs its name.
#[test]
fn every_named_test_has_its_package() {
    for (name, workflow) in workflows() {
        for script in steps(&workflow).iter().filter_map(|(_, step)| step["run"].as_str()) {
            for line in script.lines().filter(|line| line.contains("cargo test") && line.contains("--test ")) {
                assert!(line.contains("--package "), "{name}: {line}");
            }
        }
    }
}

#[test]
fn ci_runs_the_scripts_that_people_run() {
    let ci = workflows().into_iter().find(|(name, _)| name == "ci.yml").expect("there is one").1;
    for script in [".ci/run", ".ci/main-job"] {
        assert!(steps(&ci).iter().any(|(_, step)| step["run"].as_str() == Some(script)), "{script}");
    }
}

/// The nightly workflow searches for a fixed time, in shards that cover all seeds, with the day's seeds. It reports and stores its
/// findings, and fails if it does not find the canary.
#[test]
fn the_nightly_workflow_is_complete() {
    let night = night();
    assert!(night["on"]["schedule"][0]["cron"].as_str().is_some());
    let steps = steps(&night);
    let scripts: Vec<&str> = steps.iter().filter_map(|(_, step)| step["run"].as_str()).collect();
    let search = scripts.iter().find(|script| script.contains("--shard")).expect("there is a search");
    for word in ["--for ", "--seeds date", "--report junit=", "--report github", "--build sound"] {
        assert!(search.contains(word), "{word} in {search}");
    }
    let shards = night["jobs"]["search"]["strategy"]["matrix"]["shard"].as_vec().expect("shards");
    let numbers: Vec<i64> = shards.iter().filter_map(Yaml::as_i64).collect();
    assert_eq!(numbers, (1..=shards.len() as i64).collect::<Vec<_>>());
    assert!(search.contains(&format!("--shard ${{{{ matrix.shard }}}}/{}", shards.len())), "{search}");
    assert_eq!(night["jobs"]["search"]["strategy"]["fail-fast"].as_bool(), Some(false));
    let canary = scripts.iter().find(|script| script.contains("run canary")).expect("there is a canary");
    assert!(canary.contains("test \"$code\" -eq 1"), "{canary}");
    let uploads =
        steps.iter().filter(|(_, step)| step["uses"].as_str().is_some_and(|action| action.contains("upload-artifact")));
    let always = uploads.filter(|(_, step)| step["if"].as_str() == Some("always()")).count();
    assert!(always >= 1, "findings must be uploaded even if the night fails");
}
