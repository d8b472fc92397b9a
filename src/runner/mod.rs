//! Runner processes: each run happens in a forked child of a process that does nothing else.
//! This folder knows no seed ranges and no findings: it turns one request into one reply.
//!
//! ```text
//! executor.rs    the trait that campaigns and checks call; fake.rs answers it from a function, in tests
//! pool.rs        several runners side by side, results in the order of the requests; share.rs divides processors among pools
//! launch.rs      the executable, arguments and environment of a runner
//! handle.rs      the campaign's side of one runner
//! serve.rs       the runner's side: fork, relay, report
//! protocol.rs    requests, answers and ends, and the check that a runner is of this build; frame.rs has the frames
//! ending.rs      a reply for a run whose process died; symbolize.rs reads the addresses in a reply
//! interrupts.rs  signals that end a command early
//! error.rs       the reasons why a runner does not reply
//! ```

mod ending;
mod error;
mod executor;
#[cfg(test)]
pub(crate) mod fake;
mod frame;
mod handle;
mod interrupts;
mod launch;
mod pool;
mod protocol;
mod serve;
mod share;
mod symbolize;

pub(crate) use error::RunnerError;
pub(crate) use executor::Executor;
pub(crate) use interrupts::{Interruptible, catch_interrupts, interrupt};
pub(crate) use launch::Launch;
pub(crate) use pool::Pool;
pub(crate) use serve::serve_if_runner;
