//! Puts every row of the table to the test: what is said to run holds under all of its seeds and is one run for one seed,
//! what is said not to run says so itself, and docs/compatibility.md is the table of today.

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// How many seeds of each row have their events compared between two processes.
const PAIRS: &str = "2";

/// How many rows must run.
const RUNNING_MIN: usize = 18;

fn main() -> ExitCode {
    let rows: Vec<Value> =
        said(&["rows"]).1.lines().map(|line| serde_json::from_str(line).expect("a row is JSON")).collect();
    let mut trials = vec![
        Trial::test("the_page_is_the_table_of_today", the_page_is_the_table_of_today),
        Trial::test("enough_rows_run", {
            let running = rows.iter().filter(|row| row["says"].is_null()).count();
            move || check(running >= RUNNING_MIN, || format!("{running} rows run, not {RUNNING_MIN}"))
        }),
    ];
    for row in &rows {
        let name = row["name"].as_str().expect("a row has a name").to_owned();
        match row["says"].as_str().map(str::to_owned) {
            None => {
                let again = name.clone();
                trials.push(Trial::test(format!("{name}::runs"), move || runs(&name)));
                trials.push(Trial::test(format!("{again}::is_one_run_for_one_seed"), move || is_one_run(&again)));
            }
            Some(says) => {
                trials.push(Trial::test(format!("{name}::says_why_it_does_not_run"), move || refuses(&name, &says)))
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn runs(name: &str) -> Result<(), Failed> {
    let (code, out) = said(&["run", name, "--jobs", "1"]);
    check(code == 0, || out)
}

fn is_one_run(name: &str) -> Result<(), Failed> {
    let (code, out) = said(&["check", name, "--pairs", PAIRS]);
    check(code == 0, || out)
}

fn refuses(name: &str, says: &str) -> Result<(), Failed> {
    let (code, out) = said(&["run", name, "--jobs", "1", "--report", "json"]);
    let findings =
        || out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter(|it| it["kind"] == "finding");
    let told = |finding: Value| finding.to_string().contains(says);
    check(code == 1 && findings().count() == 1 && findings().all(told), || {
        format!("not “{says}”, and nothing else:\n{out}")
    })
}

fn the_page_is_the_table_of_today() -> Result<(), Failed> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compatibility.md"))?;
    let next = "cargo run -p afterlife-stock -- table > docs/compatibility.md";
    check(page == said(&["table"]).1, || format!("docs/compatibility.md is not what `table` prints; next: {next}"))
}

fn check(holds: bool, why: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(why().into()) }
}

/// What the suite's own program says: its exit code and its output, what it complains of included.
fn said(words: &[&str]) -> (i32, String) {
    let out: PathBuf = [env!("CARGO_TARGET_TMPDIR"), "stock", &words.join("_")].iter().collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_afterlife-stock"));
    let output = command
        .args(words)
        .env("AFTERLIFE_OUT", out)
        .env("NO_COLOR", "1")
        .output()
        .expect("the suite's program starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}
