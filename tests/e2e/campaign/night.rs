//! Nightly campaigns: regressions run first, shards divide the seeds, reports appear where they were requested.
//! The tests of the command line check the workflow file itself.

use crate::harness::{Module, Output, at, cli, command, output_of, scenarios, trials};
use afterlife::{Build, Fault, Faults, Injection, NodeId, Plan, Sim, Token};
use std::path::PathBuf;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![allows_one_incarnation, allows_many_incarnations];
    let trials = trials![
        a_regression_runs_before_all_seeds,
        a_regression_that_holds_again_is_reported,
        a_regression_that_no_longer_fits_the_code_is_reported,
        shards_share_the_seeds,
        a_nightly_campaign_reports_to_junit_and_to_github,
        impossible_reports_are_refused,
        records_of_many_nights_are_grouped_by_signature,
    ];
    Module::new(scenarios, trials)
}

fn incarnations(sim: &mut Sim, many: bool) {
    let server = sim.node("server", move |node| async move {
        assert!(many || node.incarnation() == 1, "100 % another | life");
        node.stopping().await;
        Ok(())
    });
    sim.client("clock", |_| async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok(())
    });
    sim.faults(server, Faults::none().kills().quiet_after(Duration::from_secs(4)));
}

fn allows_one_incarnation(sim: &mut Sim) {
    incarnations(sim, false);
}

fn allows_many_incarnations(sim: &mut Sim) {
    incarnations(sim, true);
}

fn output(words: &[&str]) -> Output {
    cli(words)
}

/// An empty folder with this name.
fn folder(name: &str) -> PathBuf {
    let folder: PathBuf = [env!("CARGO_TARGET_TMPDIR"), "night", name].iter().collect();
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

/// The token of a run with one kill of this node.
fn killed(scenario: &str, node: u16) -> String {
    let kill = Injection { trigger: at(Duration::from_secs(1)), fault: Fault::kill(NodeId(node), Duration::ZERO) };
    let plan = Some(Plan { injections: vec![kill] });
    Token { scenario: scenario.to_owned(), build: Build::DEFAULT, engine: afterlife::Engine::PORTABLE, seed: 0, plan }
        .to_string()
}

fn regressions(output: &Output) -> Vec<serde_json::Value> {
    output.lines().into_iter().filter(|line| line["kind"] == "kept").collect()
}

fn a_regression_runs_before_all_seeds() {
    let kept_in = folder("kept");
    let token = killed("allows_one_incarnation", 0);
    let keep = || output_of(command(&["keep", &token]).env("AFTERLIFE_KEPT", &kept_in));
    let first = keep();
    assert!(first.code == 0 && first.out.starts_with("✓ added to "), "{first:?}");
    assert!(keep().out.starts_with("– already in "));
    let file = std::fs::read_to_string(kept_in.join("allows_one_incarnation.afterlife")).expect("it was added");
    assert_eq!(file.lines().filter(|line| line.starts_with(&token) && line.contains("  # no-silent-panic")).count(), 1);
    let words = ["run", "allows_one_incarnation", "--seeds", "5", "--report", "json", "--max-failures", "1"];
    let run = output_of(command(&words).env("AFTERLIFE_KEPT", &kept_in));
    assert_eq!((run.code, run.finding()["first_run"].as_u64()), (1, Some(1)), "{run:?}");
    assert_eq!(run.finding()["token"], token.as_str(), "a regression is reported with its own token");
    assert_eq!(regressions(&run)[0]["came_to"], "broke");
    let nothing = output_of(command(&["keep", &killed("allows_many_incarnations", 0)]).env("AFTERLIFE_KEPT", &kept_in));
    assert_eq!(nothing.code, 2, "a run that holds is not kept: {nothing:?}");
}

fn a_regression_that_holds_again_is_reported() {
    let kept_in = folder("held");
    std::fs::write(kept_in.join("allows_many_incarnations.afterlife"), killed("allows_many_incarnations", 0))
        .expect("it can be written");
    let run = output_of(command(&["run", "allows_many_incarnations", "--seeds", "1"]).env("AFTERLIFE_KEPT", &kept_in));
    assert!(run.code == 0 && run.out.contains("✓ 1 regression holds\n"), "{run:?}");
}

fn a_regression_that_no_longer_fits_the_code_is_reported() {
    let kept_in = folder("unfit");
    let lines =
        format!("# first\n{}\n{}\n", killed("allows_many_incarnations", 7), killed("allows_many_incarnations", 0));
    std::fs::write(kept_in.join("allows_many_incarnations.afterlife"), lines).expect("it can be written");
    let run = output_of(command(&["run", "allows_many_incarnations", "--seeds", "1"]).env("AFTERLIFE_KEPT", &kept_in));
    let text = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains(
            "allows_many_incarnations.afterlife:2 no longer fits: it names node number 7, but there are 2 nodes"
        ),
        "{text}"
    );
    assert!(run.code == 125 && run.out.contains("✓ 1 regression holds\n"), "{run:?}");
}

fn shards_share_the_seeds() {
    let runs = |shard: &str| {
        let run = output(&["run", "allows_many_incarnations", "--seeds", "10", "--shard", shard, "--report", "json"]);
        run.summary()["runs"].as_u64().expect("a number")
    };
    assert_eq!([runs("1/3"), runs("2/3"), runs("3/3")], [4, 3, 3]);
}

fn a_nightly_campaign_reports_to_junit_and_to_github() {
    let folder = folder("reports");
    let (junit, summary) = (folder.join("in/junit.xml"), folder.join("summary.md"));
    std::fs::write(&summary, "before\n").expect("it can be written");
    let report = format!("junit={}", junit.display());
    let words = ["run", "allows_", "--seeds", "10", "--max-failures", "1", "--report", &report, "--report", "github"];
    let run = output_of(command(&words).env("GITHUB_STEP_SUMMARY", &summary));
    assert_eq!(run.code, 1, "{run:?}");
    let annotations: Vec<&str> = run.out.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(annotations.len(), 1, "{}", run.out);
    assert!(
        annotations[0].starts_with("::error title=allows_one_incarnation default%3A no-silent-panic::"),
        "{annotations:?}"
    );
    assert!(annotations[0].contains("100 %25 another | life") && annotations[0].contains("%0A"), "{annotations:?}");
    let summary = std::fs::read_to_string(summary).expect("it is there");
    assert!(summary.starts_with("before\n## afterlife\n"), "{summary}");
    assert!(summary.contains("| allows\\_many\\_incarnations | default | held in "), "{summary}");
    assert!(summary.contains("<details><summary>allows_one_incarnation default: no-silent-panic"), "{summary}");
    let junit = std::fs::read_to_string(junit).expect("it is there");
    assert!(junit.contains("<testsuite name=\"allows_one_incarnation default\" tests=\"1\""), "{junit}");
    assert!(junit.contains("type=\"no-silent-panic\""), "{junit}");
    assert!(
        junit.contains("<testcase name=\"held in 10 runs\" classname=\"allows_many_incarnations default\""),
        "{junit}"
    );
}

fn impossible_reports_are_refused() {
    for words in [
        &["run", "allows_many_incarnations", "--seeds", "1", "--report", "json", "--report", "github"][..],
        &["run", "allows_many_incarnations", "--seeds", "1", "--report", "junit=/proc/no/where.xml"],
        &["run", "allows_many_incarnations", "--seeds", "1", "--report", "junit="],
        &["run", "allows_many_incarnations", "--seeds", "1", "--shard", "3/2"],
    ] {
        let output = output(words);
        assert_eq!((output.code, output.err.lines().count()), (2, 2), "{words:?}: {output:?}");
    }
}

fn records_of_many_nights_are_grouped_by_signature() {
    let folder = folder("triage");
    for (night, seeds) in [("first", "0..6"), ("second/deeper", "6..12")] {
        let out = folder.join(night);
        output(&["run", "allows_one_incarnation", "--seeds", seeds, "--out", &out.display().to_string()]);
    }
    let triage = output(&["triage", &folder.display().to_string()]);
    assert_eq!(triage.code, 0, "{triage:?}");
    let first = triage.out.lines().next().unwrap_or_default();
    assert!(first.starts_with("✗ no-silent-panic") && first.ends_with("2 records"), "{}", triage.out);
    assert!(triage.out.ends_with("1 signature in 2 records\n"), "{}", triage.out);
    assert_eq!(output(&["triage", "/nowhere/at/all"]).code, 2);
    assert_eq!(output(&["triage"]).code, 2);
}
