//! Tests every row of the table. A row that runs holds under all of its seeds, and one seed is one run. A row that does
//! not run ends with the finding that it names. docs/compatibility.md is up to date.

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// The number of seeds of each row whose events are compared between two processes.
const PAIRS: &str = "2";

/// The smallest number of rows that must run.
const RUNNING_MIN: usize = 18;

fn main() -> ExitCode {
    let rows: Vec<Value> =
        run_suite(&["rows"]).1.lines().map(|line| serde_json::from_str(line).expect("a row is JSON")).collect();
    let mut trials = vec![
        Trial::test("the_page_is_up_to_date", the_page_is_up_to_date),
        Trial::test("enough_rows_run", {
            let running = rows.iter().filter(|row| row["says"].is_null()).count();
            move || check(running >= RUNNING_MIN, || format!("{running} rows run, not {RUNNING_MIN}"))
        }),
    ];
    for row in &rows {
        let name = row["name"].as_str().expect("a row has a name").to_owned();
        match row["says"].as_str().map(str::to_owned) {
            None => {
                let repeated = name.clone();
                trials.push(Trial::test(format!("{name}::runs"), move || runs(&name)));
                trials.push(Trial::test(format!("{repeated}::runs_the_same_twice"), move || {
                    runs_the_same_twice(&repeated)
                }));
            }
            Some(says) => {
                trials.push(Trial::test(format!("{name}::says_why_it_does_not_run"), move || refuses(&name, &says)))
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn runs(name: &str) -> Result<(), Failed> {
    let (code, out) = run_suite(&["run", name, "--jobs", "1"]);
    check(code == 0, || out)
}

fn runs_the_same_twice(name: &str) -> Result<(), Failed> {
    let (code, out) = run_suite(&["check", name, "--pairs", PAIRS]);
    check(code == 0, || out)
}

fn refuses(name: &str, says: &str) -> Result<(), Failed> {
    let (code, out) = run_suite(&["run", name, "--jobs", "1", "--report", "json"]);
    let findings = || {
        out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter(|line| line["kind"] == "finding")
    };
    let expected = |finding: Value| finding.to_string().contains(says);
    check(code == 1 && findings().count() == 1 && findings().all(expected), || {
        format!("not “{says}”, and nothing else:\n{out}")
    })
}

fn the_page_is_up_to_date() -> Result<(), Failed> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compatibility.md"))?;
    let next = "cargo run -p afterlife-stock -- table > docs/compatibility.md";
    check(page == run_suite(&["table"]).1, || format!("docs/compatibility.md is not what `table` prints; next: {next}"))
}

fn check(holds: bool, why: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(why().into()) }
}

/// Runs the suite's program, and returns its exit code and its output, standard error included.
fn run_suite(args: &[&str]) -> (i32, String) {
    let out: PathBuf = [env!("CARGO_TARGET_TMPDIR"), "stock", &args.join("_")].iter().collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_afterlife-stock"));
    let output =
        command.args(args).env("AFTERLIFE_OUT", out).env("NO_COLOR", "1").output().expect("the suite's program starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}
