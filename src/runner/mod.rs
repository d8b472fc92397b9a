//! Runner processes: where runs happen, each in a forked child of a process that does nothing else.
//! This folder knows no seed ranges and no findings: it turns one request into one reply.

mod canonical;
mod ending;
mod error;
mod executor;
#[cfg(test)]
pub(crate) mod fake;
mod frame;
mod handle;
mod pool;
mod protocol;
mod serve;
mod symbolize;

pub(crate) use canonical::Launch;
pub(crate) use error::RunnerError;
pub(crate) use executor::Executor;
pub(crate) use pool::Pool;
pub(crate) use serve::{is_runner, serve};
