//! A client of one of the front ends: asks a query, and may cancel it or leave in the middle.
//! It tries nothing again: whoever asks decides that.

use crate::line_protocol::{Answer, Lines, Packet, QueryError, Statement};
use crate::rt::{select, time};
use std::io;
use std::time::Duration;

/// What a client does with a query that it has asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It awaits the whole answer.
    Wait,
    /// It cancels the query after this long, and awaits what comes of that.
    CancelAfter(Duration),
    /// It closes the connection after this long.
    LeaveAfter(Duration),
}

/// Asks a query. The connection is given back if it can be used for another one.
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
