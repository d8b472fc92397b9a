//! The way of an instance's rows to their receiver, on the sender's side.
//! It keeps rows back when there are too many; it does not know who pulls them.

use super::error::{Code, QueryError};
use super::rpc::{Chunk, Row};
use crate::rt::sync::watch;
use crate::rt::time;
use std::collections::VecDeque;
use std::time::Duration;

/// One instance's rows.
#[derive(Debug)]
pub(super) struct Exchange {
    state: watch::Sender<State>,
    rows_max: usize,
    timeout: Duration,
}

#[derive(Debug, Default)]
struct State {
    rows: VecDeque<Row>,
    ended: Option<Result<(), QueryError>>,
    finished_early: bool,
    cancelled: Option<QueryError>,
    drained: bool,
}

/// Why a sender stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Enough {
    /// The receiver has all that it needs: this is success.
    LimitReached,
    /// The query was cancelled, or nobody receives.
    Failed(QueryError),
}

impl Exchange {
    pub(super) fn new(rows_max: usize, timeout: Duration) -> Self {
        Self { state: watch::Sender::new(State::default()), rows_max, timeout }
    }

    /// Offers rows; waits while there are too many.
    pub(super) async fn push(&self, rows: &[Row]) -> Result<(), Enough> {
        let mut state = self.state.subscribe();
        let room = state.wait_for(|it| it.finished_early || it.cancelled.is_some() || it.rows.len() < self.rows_max);
        match time::timeout(self.timeout, room).await {
            Ok(Ok(it)) if it.finished_early => return Err(Enough::LimitReached),
            Ok(Ok(it)) => {
                if let Some(cause) = &it.cancelled {
                    return Err(Enough::Failed(cause.clone()));
                }
            }
            _ => {
                let error = QueryError::new(Code::TimeoutExceeded, "nobody receives the rows of this exchange");
                return Err(Enough::Failed(error));
            }
        }
        self.state.send_modify(|it| it.rows.extend(rows.iter().cloned()));
        Ok(())
    }

    /// There are no more rows.
    pub(super) fn end(&self, error: Option<QueryError>) {
        self.state.send_modify(|it| it.ended = Some(error.map_or(Ok(()), Err)));
    }

    /// The next rows; waits for some. To a receiver, a failure of the sender is an exchange that broke.
    pub(super) async fn pull(&self) -> Result<Chunk, QueryError> {
        let mut state = self.state.subscribe();
        let _ = time::timeout(self.timeout, state.wait_for(|it| !it.rows.is_empty() || it.ended.is_some())).await;
        let mut pulled = Err(QueryError::new(Code::TimeoutExceeded, "the exchange has no rows and no end"));
        self.state.send_modify(|it| {
            pulled = match &it.ended {
                None if it.rows.is_empty() => return,
                Some(Err(_)) => Err(QueryError::new(Code::ExchangeDataTransException, "the sender has failed")),
                _ => Ok(Chunk { rows: it.rows.drain(..).collect(), is_last: it.ended.is_some() }),
            };
            it.drained = it.ended.is_some();
        });
        pulled
    }

    /// The receiver wants no more.
    pub(super) fn finish_early(&self) {
        self.state.send_modify(|it| it.finished_early = true);
    }

    /// The query is over.
    pub(super) fn cancel(&self, cause: &QueryError) {
        self.state.send_modify(|it| {
            it.cancelled.get_or_insert_with(|| cause.clone());
        });
    }

    /// Waits until the receiver knows of the end, or will not ask any more.
    pub(super) async fn drained(&self) {
        let mut state = self.state.subscribe();
        let over = state.wait_for(|it| it.drained || it.finished_early || it.cancelled.is_some());
        let _ = time::timeout(self.timeout, over).await;
    }
}
