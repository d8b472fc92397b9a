//! `#[afterlife::test]`, reporters, and plans as strategies, in a test binary with the standard harness, as in a user's own crate.
//! Everything else is in `e2e`, where one binary runs its scenarios itself.

mod orders;
mod regressions;
mod reporter;
mod reports;
mod started;
#[cfg(feature = "proptest")]
mod strategies;
mod workspace;
