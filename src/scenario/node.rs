//! A node, as seen by the code that runs on it: its name, its incarnation, its stop requests. Other nodes are reached over the
//! network, by name.

use crate::rt::guest;
use crate::scenario::rng::Rng;
use afterlife_sim::ExitCode;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::future::Future;
use std::io::{Read, Write};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::runtime::Builder;

/// The result of a service or a workload. `Ok` is exit code 0; an error is exit code 1, and is printed to standard error with its
/// sources, as `Error: cannot start: config.toml: no such file`.
///
/// `?` takes any error that converts into a boxed one, and `anyhow::Error` and `eyre::Report` are among those. A service that
/// returns one of these types becomes a node with `Ok(… ?)`:
///
/// ```
/// use afterlife::Sim;
/// # mod anyhow { pub type Result<T> = std::result::Result<T, std::io::Error>; }
///
/// async fn serve() -> anyhow::Result<()> {
///     Ok(())
/// }
///
/// fn a_server(sim: &mut Sim) {
///     sim.node("server", |_| async { Ok(serve().await?) });
/// }
/// ```
pub type NodeResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// A handle on the node that the code runs on. It is `Copy`.
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

    /// The name of the node, which is also its host name.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// The index among the nodes that [`Sim::nodes`](crate::Sim::nodes) made together, from 0.
    pub fn index(self) -> usize {
        self.index
    }

    /// The number of this incarnation of the process, from 1.
    pub fn incarnation(self) -> u16 {
        self.incarnation
    }

    /// A random number generator for this node's workload. Its numbers depend on the seed, the node's name and the incarnation
    /// alone: every call starts the same stream, so call it once and keep the generator.
    pub fn rng(self) -> Rng {
        Rng::new(self.seed, &format!("{} {}", self.name, self.incarnation))
    }

    /// Resolves when a graceful stop of this node is requested. It stands for SIGTERM, which only one node of a simulation may
    /// await through `tokio::signal`. Call it on a tokio runtime with its I/O driver enabled. Outside a run it never resolves.
    ///
    /// # Panics
    /// If the runtime has no I/O driver.
    pub fn stopping(self) -> impl Future<Output = ()> + Send + 'static {
        let requests = guest::StopRequests::of_this_node();
        let descriptor = if requests.is_some() { None } else { afterlife_sim::stop_descriptor() };
        async move {
            if let Some(mut requests) = requests
                && requests.more_than(0).await
            {
                return;
            }
            let Some(descriptor) = descriptor else { return std::future::pending().await };
            // Nothing is ever read from it: any of tokio's descriptor types would do.
            let Ok(watched) = UnixStream::from_std(descriptor.into()) else { return };
            let _ = watched.readable().await;
        }
    }

    /// The stop requests of this node, one by one, for programs that act on a second one: an operator who presses a key twice, an
    /// impatient supervisor. See [`Faults::repeated_stops`](crate::Faults::repeated_stops). Call it on a tokio runtime with its
    /// I/O driver enabled. Outside a run there are none.
    ///
    /// # Panics
    /// If the runtime has no I/O driver.
    pub fn stop_requests(self) -> StopRequests {
        if let Some(requests) = guest::StopRequests::of_this_node() {
            return StopRequests { requests: None, hosted: Some((requests, 0)) };
        }
        let requests = afterlife_sim::stop_descriptor().and_then(|descriptor| {
            let counter = File::from(descriptor.try_clone().ok()?);
            Some((UnixStream::from_std(descriptor.into()).ok()?, counter))
        });
        StopRequests { requests, hosted: None }
    }
}

/// The stop requests of a node, one by one; see [`Node::stop_requests`].
#[derive(Debug)]
pub struct StopRequests {
    /// The descriptor to await, and the same to read from.
    requests: Option<(UnixStream, File)>,
    /// On a guest engine: the requests, and the number of those that were awaited.
    hosted: Option<(guest::StopRequests, u64)>,
}

impl StopRequests {
    /// Waits for the next request, forever if none comes. It is cancel safe.
    pub async fn next(&mut self) {
        if let Some((requests, seen)) = &mut self.hosted
            && requests.more_than(*seen).await
        {
            *seen += 1;
            return;
        }
        let Some((watched, counter)) = &mut self.requests else { return std::future::pending().await };
        while watched.readable().await.is_ok() {
            // A read takes one request, or finds none left.
            if watched.try_io(Interest::READABLE, || counter.read_exact(&mut [0; 8])).is_ok() {
                return;
            }
        }
    }
}

/// The role of a node in the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// It serves. Faults may strike it.
    Service,
    /// It drives the scenario, and the run waits for its end.
    Client,
    /// A client that starts once the others have ended and everything is healed.
    Verifier,
}

/// Runs a service on a runtime of its own, as `#[tokio::main]` does, and drops the runtime afterwards.
pub(crate) fn drive(workers: usize, service: impl Future<Output = NodeResult>) -> ExitCode {
    let mut builder = if workers == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if workers > 0 {
        builder.worker_threads(workers);
    }
    let runtime = builder.enable_all().build().unwrap_or_else(|error| panic!("no runtime for this node: {error}"));
    let outcome = runtime.block_on(crate::scenario::main_task::main(service));
    // The service has ended. Dropping the runtime ends the tasks that it spawned, wherever they are. The error is printed after
    // that, as by a main function, so that it is the last line of the process.
    afterlife_sim::main_ended(runtime.metrics().num_alive_tasks());
    drop(runtime);
    exit_code(outcome)
}

/// The exit code of a result. Prints an error with its sources, in one write.
pub(super) fn exit_code(outcome: NodeResult) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::Code(0),
        Err(error) => {
            let _ = std::io::stderr().write_all(format!("Error: {}\n", chain(&*error)).as_bytes());
            ExitCode::Code(1)
        }
    }
}

/// The text of an error and its sources: `a: b: c`. A source that ends its parent's text already is not repeated.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    for source in std::iter::successors(error.source(), |error| error.source()) {
        let source = source.to_string();
        if !source.is_empty() && !text.ends_with(&source) {
            text = format!("{text}: {source}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;
    use std::fmt;

    /// An error and its source, as `anyhow` keeps them: it is no `Error` itself, and becomes a boxed one.
    struct Report(Failure);

    #[derive(Debug)]
    struct Failure(&'static str, Option<Box<Failure>>);

    impl fmt::Display for Failure {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Failure {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|source| source as _)
        }
    }

    impl From<Report> for Box<dyn Error + Send + Sync> {
        fn from(report: Report) -> Self {
            report.0.into()
        }
    }

    fn failure<const N: usize>(texts: [&'static str; N]) -> Failure {
        let none: Option<Box<Failure>> = None;
        let chain = texts.into_iter().rev().fold(none, |source, text| Some(Box::new(Failure(text, source))));
        *chain.expect("an error has a text")
    }

    #[test]
    fn an_error_is_printed_with_its_sources() {
        assert_eq!(
            chain(&failure(["cannot start", "config.toml", "no such file"])),
            "cannot start: config.toml: no such file"
        );
        assert_eq!(chain(&failure(["it failed"])), "it failed");
    }

    #[test]
    fn a_source_that_its_parent_quotes_is_not_repeated() {
        let quoted = ["cannot start: config.toml: no such file", "config.toml: no such file", "no such file"];
        assert_eq!(chain(&failure(quoted)), quoted[0]);
        assert_eq!(chain(&failure(["retried", "retried", "", "refused"])), "retried: refused");
    }

    #[test]
    fn a_service_that_returns_another_type_of_error_is_a_node() {
        async fn serve() -> Result<(), Report> {
            Err(Report(failure(["cannot start", "no such file"])))
        }
        let mut service = Box::pin(async { Ok(serve().await?) });
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let std::task::Poll::Ready(outcome) = service.as_mut().poll(&mut context) else {
            panic!("it waits for nothing")
        };
        let outcome: NodeResult = outcome;
        assert_eq!(chain(&*outcome.expect_err("the service fails")), "cannot start: no such file");
    }
}
