//! The command line: `cargo afterlife …`, and any program whose main function is `afterlife::main`.
//! It reads arguments and calls what does the work; no search and no layout is here.

mod arguments;
mod commands;
mod entry;
mod grammar;
mod select;
#[cfg(test)]
mod tests;

pub use entry::main;
