//! The workflows of this repository: each is YAML, each job has steps, and every command in them is one that there is.
//! What GitHub makes of them is GitHub's.

use super::grammar::{Read, read};
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use yaml_rust2::{Yaml, YamlLoader};

/// What stands between cargo's own words and ours.
const CARGO_RUN: &str = "cargo run --release --locked -- ";

fn workflows() -> Vec<(String, Yaml)> {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), ".github", "workflows"].iter().collect();
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("there are workflows").flatten().map(|it| it.path()).collect();
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

/// Our commands among the lines of a step, with GitHub's expressions replaced by a number.
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
fn every_command_of_a_workflow_is_one_that_there_is() {
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
    assert!(met >= 2, "only {met} commands were found: they are written some other way");
}

/// `cargo test` in the root is that of `scenarios/`: a test of another package is named with it.
#[test]
fn a_test_that_is_named_is_named_with_its_package() {
    for (name, workflow) in workflows() {
        for script in steps(&workflow).iter().filter_map(|(_, step)| step["run"].as_str()) {
            for line in script.lines().filter(|line| line.contains("cargo test") && line.contains("--test ")) {
                assert!(line.contains("--package "), "{name}: {line}");
            }
        }
    }
}

#[test]
fn ci_is_one_script() {
    let ci = workflows().into_iter().find(|(name, _)| name == "ci.yml").expect("there is one").1;
    assert!(steps(&ci).iter().any(|(_, step)| step["run"].as_str() == Some(".ci/run")));
}

/// The night searches for a time, in shards that together are whole, with seeds of the day; it tells what it finds and keeps it;
/// and it fails if its canary lives.
#[test]
fn the_night_is_whole() {
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
        steps.iter().filter(|(_, step)| step["uses"].as_str().is_some_and(|it| it.contains("upload-artifact")));
    let always = uploads.filter(|(_, step)| step["if"].as_str() == Some("always()")).count();
    assert!(always >= 1, "what a night found is there although it failed");
}
