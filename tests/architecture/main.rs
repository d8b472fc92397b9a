//! The architecture: the rules of ARCHITECTURE.md, checked against the source tree.
//! Known offences are listed in `known` until they are gone; an entry that no longer offends fails its test.
//!
//! - `source`, `modules`: the tree as tokens and syntax, and the files that each file names
//! - `packages`: dependencies between packages
//! - `dependencies`: the crates that a test with afterlife compiles, and their lowest versions
//! - `layers`: folders that depend one way, and no circles of files
//! - `code`: `unsafe`, guest engines, hash order, floats, disabled tests
//! - `shape`: files and structs
//! - `words`: names and documentation in the vocabulary of docs/concepts.md
//! - `documents`, `readme`: ARCHITECTURE.md, the README and its commands, golden vectors

mod code;
mod dependencies;
mod documents;
mod known;
mod layers;
mod modules;
mod packages;
mod readme;
mod shape;
mod source;
mod words;
