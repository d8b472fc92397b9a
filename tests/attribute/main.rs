//! `#[afterlife::test]` and plans as strategies, in a test binary with the standard harness, as a user's own crate has it.
//! Everything else is in `e2e`, where one binary runs its scenarios itself.

mod readme_example;
mod regressions;
#[cfg(feature = "proptest")]
mod strategies;
