//! The commands of `cargo afterlife` that need no program with scenarios: records and tests of a cargo workspace.
//! It asks no cargo: the caller has read the workspace and builds the tests.
//!
//! ```text
//! commands   the commands, and those that a program carries out instead
//! keep       a finding of a test becomes a regression beside its source
//! list       the tests with scenarios
//! listing    the descriptions that `#[afterlife::test]` leaves in the file of a test binary
//! members    the packages of a workspace, and its test binaries
//! token      the test that a token without a record is of
//! ```

mod commands;
mod keep;
mod list;
mod listing;
mod members;
mod token;

pub use commands::{Next, carry_out};
pub use members::{Package, TestBinary, Workspace};
