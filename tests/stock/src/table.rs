//! docs/compatibility.md, written from the rows and from Cargo.lock.

use crate::crates::ALL;
use crate::row::{Row, Verdict};
use std::fmt::Write;

const LOCK: &str = include_str!("../../../Cargo.lock");

const HEAD: &str = "\
# Crates that run

Crates as published on crates.io, each doing real work between simulated nodes while faults strike. Nothing in them is
patched, and no import is swapped. Each row is a scenario in `tests/stock/src/crates/`. `cargo test -p afterlife-stock` runs
it over the row's seeds, and runs some of them in two processes to compare every event. This page is written by
`cargo run -p afterlife-stock -- table` from the suite and Cargo.lock.

";

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = HEAD.to_owned();
    let refused = |row: &&Row| matches!(row.verdict, Verdict::Refused { .. });
    let (not, runs): (Vec<&Row>, Vec<&Row>) = ALL.iter().partition(refused);
    page += "| crates | use in the suite | note | seeds |\n|---|---|---|---|\n";
    runs.into_iter().for_each(|row| line(&mut page, row));
    page +=
        "\n# Crates that do not run\n\nEach of these ends its run with a finding that contains the quoted words.\n\n";
    page += "| crates | use in the suite | why it does not run | seeds |\n|---|---|---|---|\n";
    not.into_iter().for_each(|row| line(&mut page, row));
    page
}

fn line(page: &mut String, row: &Row) {
    let names: Vec<_> = row.crates.iter().map(|name| format!("{name} {}", version(LOCK, name))).collect();
    let names = if names.is_empty() { "std".to_owned() } else { names.join(", ") };
    let remark = match row.verdict {
        Verdict::Runs(remark) => remark.to_owned(),
        Verdict::Refused { why, says } => format!("{why}: “{says}”"),
    };
    // A write to a string never fails.
    let _ = writeln!(page, "| {names} | {} | {remark} | {} |", row.does, row.seeds);
}

/// The version of a crate that the suite itself depends on. Cargo.lock may contain others of the same name.
fn version<'a>(lock: &'a str, name: &str) -> &'a str {
    let package = |of: &str| lock.split_once(&format!("[[package]]\nname = \"{of}\"\n")).map(|(_, rest)| rest);
    let ours = package("afterlife-stock").and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    let exact = ours.lines().find_map(|line| line.trim().strip_prefix(&format!("\"{name} "))?.strip_suffix("\","));
    let only = || package(name)?.strip_prefix("version = \"")?.split('"').next();
    exact.or_else(only).unwrap_or_else(|| panic!("Cargo.lock has no {name}"))
}
