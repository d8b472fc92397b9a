//! The command line: `cargo afterlife …`, and any program whose main function is `afterlife::main`.
//! It reads arguments and calls what does the work; no search and no layout is here.

mod arguments;
mod commands;
mod context;
mod dispatch;
mod entry;
mod grammar;
mod select;
pub mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod workflows;

pub use entry::main;
