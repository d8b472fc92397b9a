//! Runner processes: where runs happen, each in a forked child of a process that does nothing else.
//! This folder knows no seed ranges and no findings: it turns one request into one reply.

mod canonical;
mod ending;
mod executor;
#[cfg(test)]
pub(crate) mod fake;
mod frame;
mod handle;
mod pool;
mod serve;
mod symbolize;

pub(crate) use canonical::{BATON, Launch, RUNNER};
pub(crate) use executor::Executor;
pub(crate) use handle::RunnerError;
pub(crate) use pool::Pool;
pub(crate) use serve::{is_runner, serve};
