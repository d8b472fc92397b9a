//! The coordinator's state machine: how a query ends, and the root cause of a failure.
//! It cancels nothing itself; the caller passes in the act of cancelling.

use super::config::AMBIGUOUS_ERRORS_MAX;
use super::error::QueryError;
use crate::rt::sync::watch;
use crate::rt::time;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The machine's states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Init,
    Cancel,
    WaitRootCause,
    Finish,
}

/// The events that move the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    QueryDone,
    QueryError,
    RootCause,
}

/// One query's machine.
#[derive(Debug)]
pub(super) struct CoordinatorFsm {
    state: watch::Sender<State>,
    status: Mutex<Status>,
}

#[derive(Debug, Default)]
struct Status {
    success: bool,
    root_cause: Option<QueryError>,
    additional: Vec<QueryError>,
}

impl CoordinatorFsm {
    pub(super) fn new() -> Self {
        Self { state: watch::Sender::new(State::Init), status: Mutex::default() }
    }

    /// Records that segment 0 has succeeded.
    pub(super) fn query_done(&self) {
        if self.trigger(Event::QueryDone).is_some() {
            self.status().success = true;
        }
    }

    /// `tryUpdateRootErrorCause`. The first error of a query cancels it; the first unambiguous one is its root cause.
    pub(super) fn query_error(&self, error: &QueryError, cancel: impl FnOnce(&QueryError)) {
        if self.trigger(Event::QueryError).is_some() {
            cancel(error);
            // Cancel proceeds to WaitRootCause by itself.
            self.state.send_if_modified(|state| {
                let cancelling = *state == State::Cancel;
                if cancelling {
                    *state = State::WaitRootCause;
                }
                cancelling
            });
        }
        let mut status = self.status();
        if status.success {
            return;
        }
        if error.code.is_ambiguous() {
            if status.additional.len() < AMBIGUOUS_ERRORS_MAX {
                status.additional.push(error.clone());
            }
        } else if status.root_cause.is_none() {
            status.root_cause = Some(error.clone());
            drop(status);
            self.trigger(Event::RootCause);
        } else {
            status.additional.push(error.clone());
        }
    }

    /// `waitUntilFinish`: returns the root cause, as far as it is known within `limit`. Only an ambiguous error has to wait.
    pub(super) async fn root_cause(&self, error: QueryError, limit: Duration) -> QueryError {
        if !error.code.is_ambiguous() {
            return error;
        }
        let mut state = self.state.subscribe();
        let _ = time::timeout(limit, state.wait_for(|state| *state == State::Finish)).await;
        self.status().root_cause.get_or_insert(error).clone()
    }

    fn trigger(&self, event: Event) -> Option<State> {
        let mut to = None;
        self.state.send_if_modified(|state| {
            to = match (*state, event) {
                (State::Init, Event::QueryDone) => Some(State::Finish),
                (State::Init, Event::QueryError) => Some(State::Cancel),
                (State::WaitRootCause, Event::RootCause) => Some(State::Finish),
                _ => None,
            };
            *state = to.unwrap_or(*state);
            to.is_some()
        });
        to
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::{Code, QueryError};
    use super::{AMBIGUOUS_ERRORS_MAX, CoordinatorFsm, State};
    use std::time::Duration;

    fn root_cause(fsm: &CoordinatorFsm, error: QueryError) -> QueryError {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(fsm.root_cause(error, Duration::from_millis(1)))
    }

    #[test]
    fn an_ambiguous_error_cancels_once_and_is_not_the_root_cause() {
        let fsm = CoordinatorFsm::new();
        let broken = QueryError::new(Code::ExchangeDataTransException, "broken");
        let mut cancels = 0;
        for _ in 0..2 * AMBIGUOUS_ERRORS_MAX {
            fsm.query_error(&broken, |_| cancels += 1);
        }
        assert_eq!((cancels, *fsm.state.borrow()), (1, State::WaitRootCause));
        assert_eq!(fsm.status().additional.len(), AMBIGUOUS_ERRORS_MAX);
        let thrown = QueryError::new(Code::FunctionThrowIfValueIsNonZero, "thrown");
        fsm.query_error(&thrown, |_| cancels += 1);
        assert_eq!((cancels, *fsm.state.borrow()), (1, State::Finish));
        assert_eq!(root_cause(&fsm, broken), thrown);
    }

    #[test]
    fn an_ambiguous_error_that_nobody_explains_is_returned_in_the_end() {
        let fsm = CoordinatorFsm::new();
        let broken = QueryError::new(Code::ExchangeDataTransException, "broken");
        fsm.query_error(&broken, |_| {});
        assert_eq!(root_cause(&fsm, broken.clone()), broken);
    }

    #[test]
    fn a_finished_query_can_no_longer_fail() {
        let fsm = CoordinatorFsm::new();
        fsm.query_done();
        fsm.query_error(&QueryError::new(Code::NetworkError, "late"), |_| panic!("nothing is left to cancel"));
        assert_eq!(*fsm.state.borrow(), State::Finish);
    }
}
