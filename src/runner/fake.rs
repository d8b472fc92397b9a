//! An executor that answers from a function, for tests of its callers.
//! It starts no process.

use super::error::RunnerError;
use super::executor::Executor;
use crate::run::account::RunAccount;
use crate::run::request::{Ended, Reply, Request, Unresolved};
use afterlife_sim::event::Digest;
use std::ops::ControlFlow;

/// The function that answers requests. Its second argument is true if a fresh process was asked for.
pub(crate) struct Fake<F>(pub(crate) F);

impl<F: Fn(&Request, bool) -> Reply> Executor for Fake<F> {
    fn in_order(
        &self,
        requests: &mut (dyn Iterator<Item = Request> + Send),
        each: &mut dyn FnMut(Request, Reply) -> ControlFlow<()>,
    ) -> Result<(), RunnerError> {
        for request in requests {
            let reply = (self.0)(&request, false);
            if each(request, reply).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn fresh(&self, request: &Request) -> Result<Reply, RunnerError> {
        Ok((self.0)(request, true))
    }
}

/// The reply of a run in which nothing broke.
pub(crate) fn held(request: &Request) -> Reply {
    Reply {
        ended: Ended::Whole,
        digest: Digest(request.seed, 1),
        events: 10,
        virtual_ns: 1_000,
        cpu_ns: 100,
        plan: request.plan.clone().unwrap_or_default(),
        violations: Vec::new(),
        sometimes: Vec::new(),
        account: RunAccount::default(),
        record: None,
        stack: None,
        unread: Unresolved::default(),
    }
}
