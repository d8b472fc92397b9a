//! Upstream's `main`: one master from its start to its end, and the signals that ask for a stop.

use super::build::Build;
use super::config::MasterConfig;
use super::error::MasterError;
use super::server::Server;
use crate::rt::{select, sync::mpsc, task};
use std::future::{Future, pending};
use std::panic;
use std::pin::Pin;
use std::sync::Arc;

/// Runs one master until `stop` is ready and the master has stopped and closed in its build's way.
///
/// # Errors
///
/// If the master cannot start, or ends without being asked to.
pub async fn run_master(
    config: MasterConfig,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), MasterError> {
    run(config, Signals::Once(Box::pin(stop))).await
}

/// Runs one master as [`run_master`] does. Each message asks for a stop: a second SIGTERM is a second message.
///
/// # Errors
///
/// If the master cannot start, or ends without being asked to.
pub async fn run_master_on_signals(
    config: MasterConfig,
    signals: mpsc::UnboundedReceiver<()>,
) -> Result<(), MasterError> {
    run(config, Signals::Each(signals)).await
}

async fn run(config: MasterConfig, signals: Signals) -> Result<(), MasterError> {
    let server = Arc::new(Server::new(config));
    match server.config.build {
        Build::Shipped | Build::Patched => run_as_upstream(&server, signals).await,
        Build::Sound => run_owned(&server, signals).await,
    }
}

/// Upstream's `main`: the signal handler runs before `Start` and calls `Shutdown` for each signal. After `Start`,
/// `Sync` waits for the wait group.
async fn run_as_upstream(server: &Arc<Server>, mut signals: Signals) -> Result<(), MasterError> {
    let signalled = Arc::clone(server);
    let mut handler = task::spawn(async move {
        loop {
            signals.next().await;
            signalled.shutdown().await;
        }
    });
    let started = async {
        server.start().await?;
        server.wg.add(1);
        select! {
            () = server.wg.wait() => Ok(()),
            () = server.raft_ended() => Err(MasterError::RaftEnded),
        }
    };
    select! {
        ended = started => {
            handler.abort();
            ended
        }
        // A goroutine that panics ends the process.
        Err(ended) = &mut handler => match ended.try_into_panic() {
            Ok(cause) => panic::resume_unwind(cause),
            Err(_) => pending().await,
        },
    }
}

/// The sound build: one owner starts and then stops the master. A stop that is requested during the start takes effect
/// once the start is done, and a second one has no effect.
async fn run_owned(server: &Arc<Server>, mut signals: Signals) -> Result<(), MasterError> {
    server.start().await?;
    select! {
        () = signals.next() => {}
        () = server.raft_ended() => return Err(MasterError::RaftEnded),
    }
    server.shutdown().await;
    Ok(())
}

/// The source of stop requests.
enum Signals {
    Once(Pin<Box<dyn Future<Output = ()> + Send>>),
    Each(mpsc::UnboundedReceiver<()>),
    NoMore,
}

impl Signals {
    /// Waits for the next stop request, forever if there will be none.
    async fn next(&mut self) {
        match self {
            Self::Once(stop) => {
                stop.await;
                *self = Self::NoMore;
            }
            Self::Each(signals) => {
                if signals.recv().await.is_none() {
                    *self = Self::NoMore;
                    pending().await
                }
            }
            Self::NoMore => pending().await,
        }
    }
}
