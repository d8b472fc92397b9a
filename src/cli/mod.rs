//! The command line: `cargo afterlife …`, and every program whose main function calls `afterlife::main`.
//! This folder reads arguments and calls the code that does the work. Searching and layout are elsewhere.
//!
//! ```text
//! entry      main: a runner process, or a command and its exit code
//! grammar    words to arguments, and clap's errors to ours     arguments    the arguments themselves
//! dispatch   arguments to a command                            commands/    one file per command
//! select     names to scenarios, builds and tokens             context      runners, records, the terminal
//! output     the standard output, whose errors end a command with exit code 2
//! progress_bar  the bar of a running campaign
//! workspace/ the commands on a cargo workspace's records and tests, for `cargo afterlife`
//! ```

mod arguments;
mod commands;
mod context;
mod dispatch;
mod entry;
mod grammar;
mod output;
mod progress_bar;
mod select;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod workflows;
pub mod workspace;

pub use entry::{main, main_with_reporter};
