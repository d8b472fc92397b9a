//! The tablet manager's server: it answers calls, one a connection, and recovers their panics: upstream's `HandleRPCPanic`.

use super::build::Build;
use super::config::PACKET_BYTES;
use super::context::Context;
use super::replication;
use super::rpc::{Call, Said};
use super::tablet_manager::TabletManager;
use super::topo::{Tablet, TabletType};
use crate::line_protocol::Lines;
use crate::rt::{
    net::{TcpListener, TcpStream},
    select, task,
};
use std::fmt::Display;
use std::io;
use std::sync::Arc;

/// Answers calls until its context is done; what it answers then ends with it.
pub(super) async fn serve(tm: Arc<TabletManager>, listener: TcpListener, ctx: Context) {
    let mut calls = task::JoinSet::new();
    loop {
        select! {
            () = ctx.done() => break,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let tm = Arc::clone(&tm);
                calls.spawn(async move { converse(&tm, stream).await });
            }
            Some(_) = calls.join_next() => {}
        }
    }
    calls.shutdown().await;
}

async fn converse(tm: &Arc<TabletManager>, stream: TcpStream) -> io::Result<()> {
    let mut lines = Lines::new(stream);
    let Some(call) = lines.receive::<Call>().await? else { return Ok(()) };
    match call {
        Call::VStreamRows { table, after } => stream_rows(tm, &mut lines, table, after).await,
        Call::BinlogDump { position, term } => replication::dump(&tm.mysql, &mut lines, position, term).await,
        call => {
            // What has begun goes on when the caller does not wait. Upstream's panics come back as errors; in the sound build
            // one would end the connection.
            if tm.config.build == Build::Sound {
                let said = Arc::clone(tm).answer(call).await;
                return lines.send(&said).await;
            }
            let mut answering = task::JoinSet::new();
            let tm = Arc::clone(tm);
            answering.spawn(async move { tm.answer(call).await });
            let said = match answering.join_next().await {
                Some(Ok(said)) => said,
                _ => Said::Failed("uncaught panic in the handler of a call".to_owned()),
            };
            lines.send(&said).await
        }
    }
}

async fn stream_rows(tm: &TabletManager, lines: &mut Lines, table: String, mut after: i64) -> io::Result<()> {
    if !tm.query.is_serving() {
        return lines.send(&Said::Failed("operation not allowed in state NOT_SERVING".to_owned())).await;
    }
    lines.send(&Said::Position(tm.mysql.position())).await?;
    let rows_of = tm.config.rows;
    loop {
        let table = table.clone();
        let rows = match tm.mysql.with(move |db| rows_of(db, &table, after, PACKET_BYTES)).await {
            Ok(rows) => rows,
            Err(error) => return lines.send(&Said::Failed(error.to_string())).await,
        };
        let Some(last) = rows.last() else { return lines.send(&Said::Done).await };
        after = last.0;
        lines.send(&Said::Rows(rows)).await?;
    }
}

impl TabletManager {
    async fn answer(self: Arc<Self>, call: Call) -> Said {
        match call {
            Call::FullStatus => Said::Status {
                primary: self.state.tablet().kind == TabletType::Primary,
                serving: self.query.is_serving(),
                position: self.mysql.position(),
                following: self.following(),
            },
            Call::VDiff(request) => self.vdiff.perform(request).await.unwrap_or_else(failed),
            Call::WaitForPosition { position } => {
                // The sender lives in the database.
                let _ = self.mysql.positions().wait_for(|at| *at >= position).await;
                Said::Done
            }
            Call::DemotePrimary => {
                let _action = self.action.lock().await;
                self.mysql.set_read_only();
                done(self.change_tablet_type(TabletType::Replica).await)
            }
            Call::PromoteReplica => {
                let _action = self.action.lock().await;
                self.stop_replication().await;
                done(self.change_tablet_type(TabletType::Primary).await)
            }
            Call::SetReplicationSource { primary } => self.follow(&primary).await,
            Call::VStreamRows { .. } | Call::BinlogDump { .. } => Said::Failed("a stream is no call".to_owned()),
        }
    }

    /// `SetReplicationSource`: a primary that is told to follow another one is none any more.
    async fn follow(self: &Arc<Self>, primary: &str) -> Said {
        let _action = self.action.lock().await;
        let Tablet { kind, alias, .. } = self.state.tablet();
        if alias == primary {
            return Said::Failed("a tablet cannot follow itself".to_owned());
        }
        if kind == TabletType::Primary {
            self.mysql.set_read_only();
            if let Err(error) = self.change_tablet_type(TabletType::Replica).await {
                return failed(error);
            }
        }
        done(self.set_replication_source(primary).await)
    }
}

fn done<E: Display>(outcome: Result<(), E>) -> Said {
    outcome.map_or_else(failed, |()| Said::Done)
}

fn failed(error: impl Display) -> Said {
    Said::Failed(error.to_string())
}
