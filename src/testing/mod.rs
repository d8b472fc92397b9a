//! The entry of `#[afterlife::test]`: a campaign over one scenario inside a test runner. It needs no command line, and so not the feature
//! `cli`.
//!
//! ```text
//! campaign   runs the campaign, or replays the token of AFTERLIFE_REPLAY, and fails the test
//! ```

mod campaign;

pub use campaign::{path, reply_to, run, run_with_reporter, title};
