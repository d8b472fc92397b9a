//! The command line: `cargo afterlife …`, and any program whose main function is `afterlife::main`.
//! It reads arguments and calls what does the work; no search and no layout is here.

mod arguments;
mod campaigns;
mod commands;
mod entry;
mod grammar;
mod keep;
mod main_job;
mod select;
pub mod testing;
#[cfg(test)]
mod tests;
mod triage;
#[cfg(test)]
mod workflows;

pub use entry::main;
