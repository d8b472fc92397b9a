//! The trait through which campaigns and checks carry out runs.
//! It judges no run.

use super::error::RunnerError;
use crate::run::request::{Reply, Request};
use std::ops::ControlFlow;

/// Carries out requests. The order of the replies never depends on the number of requests in flight.
pub(crate) trait Executor {
    /// Carries out requests and delivers each with its reply, in the order of the requests, until they end or
    /// `each` breaks.
    fn in_order(
        &self,
        requests: &mut (dyn Iterator<Item = Request> + Send),
        each: &mut dyn FnMut(Request, Reply) -> ControlFlow<()>,
    ) -> Result<(), RunnerError>;

    /// Carries out one request in a process that has carried out no other.
    fn fresh(&self, request: &Request) -> Result<Reply, RunnerError>;
}
