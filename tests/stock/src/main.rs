//! Unmodified crates at work in the room, one file each: what runs, what does not and why.
//! It is a runner as any other, `-- run`, `-- check`, `-- replay`; `-- table` prints docs/compatibility.md, `-- rows` its rows.

mod crates;
mod row;
mod strikes;
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
