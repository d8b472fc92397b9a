//! Unmodified crates at work in the simulation, one file each: which run, which do not, and why. The program is a
//! runner like any other (`-- run`, `-- check`, `-- replay`). `-- table` prints docs/compatibility.md, `-- rows` its
//! rows.

mod crates;
mod faults;
mod row;
mod table;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("table") => print!("{}", table::page()),
        Some("rows") => crates::ALL.iter().for_each(|row| println!("{}", row.json())),
        _ => return afterlife::main(&crates::ALL.iter().map(row::Row::scenario).collect::<Vec<_>>()),
    }
    ExitCode::SUCCESS
}
