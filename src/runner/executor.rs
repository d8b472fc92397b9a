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

    /// Carries out two requests, each in a process of its own. If the machine may have ended one run and not the other, that run is
    /// repeated.
    fn fresh_pair(&self, requests: [&Request; 2]) -> Result<[Reply; 2], RunnerError> {
        let mut pair = [self.fresh(requests[0])?, self.fresh(requests[1])?];
        if pair[0].ended.is_doubtful() != pair[1].ended.is_doubtful() {
            let doubtful = usize::from(pair[1].ended.is_doubtful());
            pair[doubtful] = self.fresh(requests[doubtful])?;
        }
        Ok(pair)
    }
}
