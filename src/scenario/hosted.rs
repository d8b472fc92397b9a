//! A node on a guest engine: the same service, as a future.

use crate::rt::guest;
use crate::scenario::node::{Node, NodeResult, exit_code};
use afterlife_sim::ExitCode;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

/// The main function of a node on a guest engine: the service's future, whose panic ends the process too.
pub(super) fn main<F, Fut>(name: &str, index: usize, seed: u64, service: Arc<F>) -> guest::Main
where
    F: Fn(Node) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = NodeResult> + 'static,
{
    let name = &*name.to_owned().leak();
    Arc::new(move |incarnation| {
        let (service, node) = (service.clone(), Node::new(name, index, incarnation, seed));
        let main = async move {
            let outcome = service(node).await;
            afterlife_sim::main_ended(tokio::runtime::Handle::current().metrics().num_alive_tasks());
            exit_code(outcome)
        };
        let mut main = Box::pin(main);
        Box::pin(std::future::poll_fn(move |context| {
            let polled = catch_unwind(AssertUnwindSafe(|| main.as_mut().poll(context)));
            polled.unwrap_or(Poll::Ready(ExitCode::Panicked))
        }))
    })
}
