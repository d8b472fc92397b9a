//! A node as the code that runs on it sees itself: its name, which life this is, when it is asked to stop.
//! It is no way to reach other nodes: they are reached over the network, by name.

use crate::rt::guest::StopRequests;
use crate::scenario::rng::Rng;
use afterlife_sim::ExitCode;
use std::fs::File;
use std::future::Future;
use std::io::Read;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::runtime::Builder;

/// What a client's or a node's future gives: `Ok` is exit code 0, an error is told and is exit code 1.
pub type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// The node that this code runs on. Copy it wherever it is needed.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    name: &'static str,
    index: usize,
    incarnation: u16,
    seed: u64,
}

impl Node {
    pub(crate) fn new(name: &'static str, index: usize, incarnation: u16, seed: u64) -> Self {
        Self { name, index, incarnation, seed }
    }

    /// Its name, which is also its host name.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Its place among the nodes that were made with it, from 0.
    pub fn index(self) -> usize {
        self.index
    }

    /// Which of its lives this is, from 1.
    pub fn incarnation(self) -> u16 {
        self.incarnation
    }

    /// A generator of its own: the same numbers for the same seed and life.
    pub fn rng(self) -> Rng {
        Rng::new(self.seed, &format!("{} {}", self.name, self.incarnation))
    }

    /// Resolves when a graceful stop of this node is requested, as SIGTERM says it to a node that handles signals: one node of
    /// a room may await those through `tokio::signal`, any number may await this. Call it on a tokio runtime with its
    /// I/O driver enabled; outside a run it never resolves.
    ///
    /// # Panics
    /// If the runtime has no I/O driver.
    pub fn stopping(self) -> impl Future<Output = ()> + Send + 'static {
        let requests = StopRequests::of_this_node();
        let descriptor = if requests.is_some() { None } else { afterlife_sim::stop_descriptor() };
        async move {
            if let Some(mut requests) = requests
                && requests.more_than(0).await
            {
                return;
            }
            let Some(descriptor) = descriptor else { return std::future::pending().await };
            // Nothing is ever read from it: any descriptor type of tokio's that can be waited on would do.
            let Ok(watched) = UnixStream::from_std(descriptor.into()) else { return };
            let _ = watched.readable().await;
        }
    }

    /// Every request to stop, for programs that act on a second one: an operator who presses a key twice, a supervisor
    /// without patience. See [`Faults::repeated_stops`](crate::Faults::repeated_stops). Call it on a tokio runtime with its
    /// I/O driver enabled; outside a run there is never one.
    ///
    /// # Panics
    /// If the runtime has no I/O driver.
    pub fn stops(self) -> Stops {
        if let Some(requests) = StopRequests::of_this_node() {
            return Stops { requests: None, hosted: Some((requests, 0)) };
        }
        let requests = afterlife_sim::stop_descriptor().and_then(|descriptor| {
            let counter = File::from(descriptor.try_clone().ok()?);
            Some((UnixStream::from_std(descriptor.into()).ok()?, counter))
        });
        Stops { requests, hosted: None }
    }
}

/// The requests to stop that a node gets, one after the other; see [`Node::stops`].
#[derive(Debug)]
pub struct Stops {
    /// What can be waited on, and the same to be read from.
    requests: Option<(UnixStream, File)>,
    /// On turmoil: how many there were, and how many of them were waited for.
    hosted: Option<(StopRequests, u64)>,
}

impl Stops {
    /// Waits for the next request; for ever if none comes. It can be dropped while it waits, and nothing is lost.
    pub async fn next(&mut self) {
        if let Some((requests, seen)) = &mut self.hosted
            && requests.more_than(*seen).await
        {
            *seen += 1;
            return;
        }
        let Some((watched, counter)) = &mut self.requests else { return std::future::pending().await };
        while watched.readable().await.is_ok() {
            // A read takes one request off, or finds that there is none any more.
            if watched.try_io(Interest::READABLE, || counter.read_exact(&mut [0; 8])).is_ok() {
                return;
            }
        }
    }
}

/// Whether a node serves or drives the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Service,
    /// The run waits for its end.
    Client,
    /// As a client, started once the clients have ended and everything is healed.
    Verifier,
}

/// Runs a service on a runtime of its own, as `#[tokio::main]` would, and drops that runtime afterwards.
pub(crate) fn drive(workers: usize, service: impl Future<Output = Outcome>) -> ExitCode {
    let mut builder = if workers == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if workers > 0 {
        builder.worker_threads(workers);
    }
    let runtime = builder.enable_all().build().unwrap_or_else(|error| panic!("no runtime for this node: {error}"));
    let outcome = runtime.block_on(crate::scenario::main_task::main(service));
    // From here on what the service spawned is on its own; dropping the runtime ends it, wherever it is.
    afterlife_sim::main_ended(runtime.metrics().num_alive_tasks());
    exit_code(outcome)
}

pub(super) fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::Code(0),
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::Code(1)
        }
    }
}
