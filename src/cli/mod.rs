//! The command line: `cargo afterlife …`, and every program whose main function calls `afterlife::main`.
//! This folder reads arguments and calls the code that does the work. Searching and layout are elsewhere.
//!
//! ```text
//! entry      main: a runner process, or a command and its exit code
//! grammar    words to arguments, and clap's errors to ours     arguments    the arguments themselves
//! dispatch   arguments to a command                            commands/    one file per command
//! select     names to scenarios, builds and tokens             context      runners, records, the terminal
//! output     the standard output, whose errors end a command with exit code 2
//! testing    the entry of `#[afterlife::test]`, which reads no command line
//! ```

mod arguments;
mod commands;
mod context;
mod dispatch;
mod entry;
mod grammar;
mod output;
mod select;
pub mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod workflows;

pub use entry::{main, main_with_reporter};
