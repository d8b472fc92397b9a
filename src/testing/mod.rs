//! The entry of `#[afterlife::test]`: a campaign over one scenario inside a test runner. It needs no command line, and so not the feature
//! `cli`.
//!
//! ```text
//! campaign    runs the campaign, or replays the token of AFTERLIFE_REPLAY, and fails the test
//! test        the test: its path, its target, the commands that its failures propose
//! invocation  the command that started it, read from the parent process
//! output      the report and the lines of programs, captured or not
//! ```

mod campaign;
mod invocation;
mod output;
mod test;

pub use campaign::{reply_to, run, run_with_reporter, title};
pub use test::Test;
