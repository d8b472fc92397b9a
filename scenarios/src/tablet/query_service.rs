//! The query service: answers reads while it serves, over the line protocol, where upstream speaks MySQL's. It takes no
//! writes, which this scenario does not need.

use super::context::Context;
use super::mysql::Mysql;
use crate::line_protocol::{Lines, Packet, Statement};
use crate::rt::{net::TcpListener, select, task::JoinSet};
use rusqlite::types::ValueRef;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The query service of one tablet.
#[derive(Debug)]
pub(super) struct QueryService {
    mysql: Arc<Mysql>,
    serving: AtomicBool,
}

impl QueryService {
    /// A query service that does not serve yet.
    pub(super) fn new(mysql: Arc<Mysql>) -> Self {
        Self { mysql, serving: AtomicBool::new(false) }
    }

    /// Upstream's `SetServingType`.
    pub(super) fn set_serving(&self, serving: bool) {
        self.serving.store(serving, Ordering::Release);
    }

    /// Returns whether it serves.
    pub(super) fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }

    /// Answers clients until its context is done.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener, ctx: Context) {
        let mut connections = JoinSet::new();
        loop {
            select! {
                () = ctx.done() => break,
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else { continue };
                    let service = Arc::clone(&self);
                    connections.spawn(async move { service.converse(Lines::new(stream)).await });
                }
                Some(_) = connections.join_next() => {}
            }
        }
        connections.shutdown().await;
    }

    async fn converse(&self, mut lines: Lines) -> io::Result<()> {
        while let Some(statement) = lines.receive::<Statement>().await? {
            match self.answer(statement.text).await {
                Ok(rows) => {
                    lines.send(&Packet::Progress(rows.len() as u64)).await?;
                    for row in rows {
                        lines.send(&Packet::Row(row)).await?;
                    }
                    lines.send(&Packet::End).await?;
                }
                Err(why) => lines.send(&Packet::Failed(why)).await?,
            }
        }
        Ok(())
    }

    async fn answer(&self, text: String) -> Result<Vec<Vec<String>>, String> {
        if !self.is_serving() {
            return Err("operation not allowed in state NOT_SERVING".to_owned());
        }
        let reading = self.mysql.with(move |db| {
            let mut query = db.prepare(&text)?;
            if !query.readonly() {
                return Ok(None);
            }
            let columns = query.column_count();
            let rows =
                query.query_map((), |row| (0..columns).map(|column| Ok(shown(row.get_ref(column)?))).collect())?;
            rows.collect::<rusqlite::Result<Vec<_>>>().map(Some)
        });
        let rows = reading.await.map_err(|error| error.to_string())?;
        rows.ok_or_else(|| "this query service answers reads only".to_owned())
    }
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned(),
    }
}
