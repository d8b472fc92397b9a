//! The stop requests that a node on a guest engine receives.

use tokio::sync::watch::Receiver;

/// The stop requests of one node.
#[derive(Debug)]
pub(crate) struct StopRequests(Receiver<u64>);

impl StopRequests {
    /// The requests of the calling node; `None` elsewhere.
    pub(crate) fn of_this_node() -> Option<Self> {
        afterlife_sim::guests::stop_requests().map(Self)
    }

    /// Waits for more than this number of requests. Returns `false` if the run ended first.
    pub(crate) async fn more_than(&mut self, count: u64) -> bool {
        self.0.wait_for(|requests| *requests > count).await.is_ok()
    }
}
