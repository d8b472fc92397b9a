//! The way from a violation to a failure: its finding, story, token, record and symbols, and the regressions file.

pub(crate) mod failing_run;
pub(crate) mod finding;
pub(crate) mod fnv;
pub(crate) mod record;
pub(crate) mod regressions;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod shrunk;
pub(crate) mod story;
pub(crate) mod symbols;
pub(crate) mod token;
pub(crate) mod token_engine;
