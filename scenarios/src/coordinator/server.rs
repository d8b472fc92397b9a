//! The server: owns the shared context and the coordinators' manager, and listens for clients and workers.
//! It is never shut down in order; upstream's is not either in this story.

use super::config::ServerConfig;
use super::connection::{self, Interface};
use super::mpp_query_coordinator::Coordinators;
use super::rpc;
use super::rpc_service::{self, Handlers};
use super::shared_context::SharedContext;
use crate::rt::net::TcpListener;
use crate::rt::{select, task};
use std::io;
use std::sync::Arc;

/// Runs a server until its future is dropped.
///
/// # Errors
///
/// An address cannot be listened on.
pub async fn run_server(config: ServerConfig) -> io::Result<()> {
    let manager = Arc::new(Coordinators::new(config.build));
    let context = Arc::new(SharedContext::new(config));
    let config = context.config();
    let rpc = TcpListener::bind(&config.rpc_listen).await?;
    let tcp = TcpListener::bind(&config.tcp_listen).await?;
    let http = TcpListener::bind(&config.http_listen).await?;
    let mysql = TcpListener::bind(&config.mysql_listen).await?;
    afterlife_probe::phase("ready");
    let front_end = |listener, interface| {
        let (context, manager) = (Arc::clone(&context), Arc::clone(&manager));
        rpc::accept(listener, move |stream| {
            let (context, manager) = (Arc::clone(&context), Arc::clone(&manager));
            drop(task::spawn(connection::serve(context, manager, stream, interface)));
        })
    };
    let handlers = Arc::new(Handlers::new(Arc::clone(&context), Arc::clone(&manager)));
    select! {
        () = rpc::accept(rpc, move |stream| rpc_service::serve(&handlers, stream)) => {}
        () = front_end(tcp, Interface::Tcp) => {}
        () = front_end(http, Interface::Http) => {}
        () = front_end(mysql, Interface::MySql) => {}
    }
    Ok(())
}
