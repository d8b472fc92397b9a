//! The sending side of an exchange: an instance's rows on their way to the receiver.
//! It applies back pressure and does not know who pulls.

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

/// The reason that a sender stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Enough {
    /// The receiver has all the rows that it needs; the sender has succeeded.
    LimitReached,
    /// The query was cancelled, or no receiver came.
    Failed(QueryError),
}

impl Exchange {
    pub(super) fn new(rows_max: usize, timeout: Duration) -> Self {
        Self { state: watch::Sender::new(State::default()), rows_max, timeout }
    }

    /// Offers rows; waits while the exchange is full.
    pub(super) async fn push(&self, rows: &[Row]) -> Result<(), Enough> {
        let mut state = self.state.subscribe();
        let ready =
            state.wait_for(|now| now.finished_early || now.cancelled.is_some() || now.rows.len() < self.rows_max);
        match time::timeout(self.timeout, ready).await {
            Ok(Ok(now)) if now.finished_early => return Err(Enough::LimitReached),
            Ok(Ok(now)) => {
                if let Some(cause) = &now.cancelled {
                    return Err(Enough::Failed(cause.clone()));
                }
            }
            _ => {
                let error = QueryError::new(Code::TimeoutExceeded, "nobody receives the rows of this exchange");
                return Err(Enough::Failed(error));
            }
        }
        self.state.send_modify(|state| state.rows.extend(rows.iter().cloned()));
        Ok(())
    }

    /// Ends the exchange: no more rows follow.
    pub(super) fn end(&self, error: Option<QueryError>) {
        self.state.send_modify(|state| state.ended = Some(error.map_or(Ok(()), Err)));
    }

    /// Waits for rows and returns them. To the receiver, a failed sender is a broken exchange.
    pub(super) async fn pull(&self) -> Result<Chunk, QueryError> {
        let mut state = self.state.subscribe();
        let _ = time::timeout(self.timeout, state.wait_for(|now| !now.rows.is_empty() || now.ended.is_some())).await;
        let mut pulled = Err(QueryError::new(Code::TimeoutExceeded, "the exchange has no rows and no end"));
        self.state.send_modify(|state| {
            pulled = match &state.ended {
                None if state.rows.is_empty() => return,
                Some(Err(_)) => Err(QueryError::new(Code::ExchangeDataTransException, "the sender has failed")),
                _ => Ok(Chunk { rows: state.rows.drain(..).collect(), is_last: state.ended.is_some() }),
            };
            state.drained = state.ended.is_some();
        });
        pulled
    }

    /// Records that the receiver wants no more rows.
    pub(super) fn finish_early(&self) {
        self.state.send_modify(|state| state.finished_early = true);
    }

    /// Cancels the exchange; the first cause stays.
    pub(super) fn cancel(&self, cause: &QueryError) {
        self.state.send_modify(|state| {
            state.cancelled.get_or_insert_with(|| cause.clone());
        });
    }

    /// Waits until the receiver has seen the end or will not pull again.
    pub(super) async fn drained(&self) {
        let mut state = self.state.subscribe();
        let over = state.wait_for(|now| now.drained || now.finished_early || now.cancelled.is_some());
        let _ = time::timeout(self.timeout, over).await;
    }
}
