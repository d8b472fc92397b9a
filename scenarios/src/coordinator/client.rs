//! A client of the front ends: sends a query, and may cancel it or disconnect while it runs.
//! It retries nothing; the caller decides that.

use crate::line_protocol::{Answer, Lines, Packet, QueryError, Statement};
use crate::rt::{select, time};
use std::io;
use std::time::Duration;

/// The client's behaviour after it has sent a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Waits for the whole answer.
    Wait,
    /// Cancels the query after this time and waits for the outcome.
    CancelAfter(Duration),
    /// Closes the connection after this time.
    LeaveAfter(Duration),
}

/// Sends a query and returns its answer, with the connection if that can carry another query.
pub async fn ask(
    mut lines: Lines,
    id: Option<String>,
    text: &str,
    then: Then,
) -> (Option<Lines>, Result<Answer, QueryError>) {
    let answered = answer(&mut lines, id, text, then).await;
    match answered {
        Ok(_) | Err(QueryError::Failed(_)) => (Some(lines), answered),
        Err(QueryError::Io(_)) => (None, answered),
    }
}

async fn answer(lines: &mut Lines, id: Option<String>, text: &str, then: Then) -> Result<Answer, QueryError> {
    lines.send(&Statement { id, text: text.to_owned() }).await?;
    let mut answer = Answer::default();
    let (mut acts, after) = match then {
        Then::Wait => (false, Duration::ZERO),
        Then::CancelAfter(after) | Then::LeaveAfter(after) => (true, after),
    };
    let acting = time::sleep(after);
    tokio::pin!(acting);
    loop {
        let packet = select! {
            packet = lines.receive() => packet?,
            () = &mut acting, if acts => {
                acts = false;
                if let Then::LeaveAfter(_) = then {
                    return Err(io::Error::from(io::ErrorKind::ConnectionAborted).into());
                }
                lines.send(&Statement { id: None, text: "cancel".to_owned() }).await?;
                continue;
            }
        };
        match packet {
            Some(Packet::Progress(rows)) => answer.progress += rows,
            Some(Packet::Row(row)) => answer.rows.push(row),
            Some(Packet::End) => return Ok(answer),
            Some(Packet::Failed(why)) => return Err(QueryError::Failed(why)),
            None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }
}
