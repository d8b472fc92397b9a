//! Failures: findings with their runs, and the files that store them.
//!
//! ```text
//! data      failing_run (a finding and its run)  finding  shrunk
//! story     the events, twelve at most, that show how it happened
//! waits     waits (what a process waited for)  awaited (what a stack waits for)
//! token     token  token_engine: one line of text that replays the run
//!           replay_text: what a record gives as its replay, checked before it is printed
//! disk      record/ (one file per finding)  regressions (runs to replay first)  symbols (addresses to lines)
//!           test_origin (the test that made a run)
//! ```

pub(crate) mod awaited;
pub(crate) mod failing_run;
pub(crate) mod finding;
pub(crate) mod fnv;
pub(crate) mod record;
pub(crate) mod regressions;
pub(crate) mod replay_text;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod shrunk;
pub(crate) mod story;
pub(crate) mod symbols;
pub(crate) mod test_origin;
pub(crate) mod token;
pub(crate) mod token_engine;
pub(crate) mod waits;
