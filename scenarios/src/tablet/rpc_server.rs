//! The tablet manager's server: answers one call per connection, and recovers the calls' panics, as upstream's
//! `HandleRPCPanic` does.

use super::build::Build;
use super::config::PACKET_BYTES;
use super::context::Context;
use super::replication;
use super::rpc::{Call, Reply};
use super::tablet_manager::TabletManager;
use super::topo_records::{Tablet, TabletType};
use crate::line_protocol::Lines;
use crate::rt::{
    net::{TcpListener, TcpStream},
    select, task,
};
use std::fmt::Display;
use std::io;
use std::sync::Arc;

/// Answers calls until its context is done. Calls in progress end then as well.
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
            // A call goes on when its caller no longer waits. Upstream returns a panic as an error. In the sound build
            // a panic would end the connection.
            if tm.config.build == Build::Sound {
                let reply = Arc::clone(tm).answer(call).await;
                return lines.send(&reply).await;
            }
            let mut answering = task::JoinSet::new();
            let tm = Arc::clone(tm);
            answering.spawn(async move { tm.answer(call).await });
            let reply = match answering.join_next().await {
                Some(Ok(reply)) => reply,
                _ => Reply::Failed("uncaught panic in the handler of a call".to_owned()),
            };
            lines.send(&reply).await
        }
    }
}

async fn stream_rows(tm: &TabletManager, lines: &mut Lines, table: String, mut after: i64) -> io::Result<()> {
    if !tm.query.is_serving() {
        return lines.send(&Reply::Failed("operation not allowed in state NOT_SERVING".to_owned())).await;
    }
    lines.send(&Reply::Position(tm.mysql.position())).await?;
    let rows_of = tm.config.rows;
    loop {
        let table = table.clone();
        let rows = match tm.mysql.with(move |db| rows_of(db, &table, after, PACKET_BYTES)).await {
            Ok(rows) => rows,
            Err(error) => return lines.send(&Reply::Failed(error.to_string())).await,
        };
        let Some(last) = rows.last() else { return lines.send(&Reply::Done).await };
        after = last.0;
        lines.send(&Reply::Rows(rows)).await?;
    }
}

impl TabletManager {
    async fn answer(self: Arc<Self>, call: Call) -> Reply {
        match call {
            Call::FullStatus => Reply::Status {
                primary: self.state.tablet().kind == TabletType::Primary,
                serving: self.query.is_serving(),
                position: self.mysql.position(),
                following: self.following(),
            },
            Call::VDiff(request) => self.vdiff.perform(request).await.unwrap_or_else(failed),
            Call::WaitForPosition { position } => {
                // The database owns the sender, so the channel is open.
                let _ = self.mysql.positions().wait_for(|at| *at >= position).await;
                Reply::Done
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
            Call::VStreamRows { .. } | Call::BinlogDump { .. } => Reply::Failed("a stream is no call".to_owned()),
        }
    }

    /// `SetReplicationSource`: a primary that follows another one steps down.
    async fn follow(self: &Arc<Self>, primary: &str) -> Reply {
        let _action = self.action.lock().await;
        let Tablet { kind, alias, .. } = self.state.tablet();
        if alias == primary {
            return Reply::Failed("a tablet cannot follow itself".to_owned());
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

fn done<E: Display>(outcome: Result<(), E>) -> Reply {
    outcome.map_or_else(failed, |()| Reply::Done)
}

fn failed(error: impl Display) -> Reply {
    Reply::Failed(error.to_string())
}
