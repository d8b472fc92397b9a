//! What the engines have in common that a room carries: what their nodes run, and how those are asked to stop.
//! It runs nothing.

use crate::event::NodeId;
use crate::isolate::Machine;
use crate::kernel::process::node::ExitCode;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// What a host runs: called at the start of each of its lives, with the life's number from 1. The future gives the exit code.
pub type Main = Arc<dyn Fn(u16) -> Pin<Box<dyn Future<Output = ExitCode>>> + Send + Sync>;

/// A machine and what it runs. The machine's own main function is not used.
pub struct Program {
    /// The machine.
    pub machine: Machine,
    /// What it runs.
    pub main: Main,
}

/// How often the present life of each node was asked to stop.
static STOPS: Mutex<BTreeMap<NodeId, watch::Sender<u64>>> = Mutex::new(BTreeMap::new());

fn stops() -> MutexGuard<'static, BTreeMap<NodeId, watch::Sender<u64>>> {
    STOPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often the life of the calling node was asked to stop so far, and each change of that; `None` outside of a run that is
/// carried.
pub fn stop_requests() -> Option<watch::Receiver<u64>> {
    let (node, _) = crate::current_process()?;
    stops().get(&node).map(watch::Sender::subscribe)
}

/// A life of a node begins, and was not asked to stop.
pub(crate) fn begin_stops(node: NodeId) {
    stops().insert(node, watch::Sender::new(0));
}

/// The present life of a node was asked to stop so often.
pub(crate) fn tell_stops(node: NodeId, count: u64) {
    let requests = stops().get(&node).cloned();
    if let Some(requests) = requests {
        requests.send_replace(count);
    }
}

/// Whether the calling thread takes apart what is left of a dead process: nothing of it counts.
pub fn is_muted() -> bool {
    crate::libc::here().is_some_and(|me| crate::libc::kernel(me, |kernel| kernel.is_muted(me)))
}
