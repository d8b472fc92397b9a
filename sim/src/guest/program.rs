//! The program of a guest node, and the requests to stop it.
//! It runs nothing.

use crate::event::NodeId;
use crate::isolate::Machine;
use crate::kernel::process::node::ExitCode;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The main function of a node, called at the start of each incarnation with its number, from 1. The future yields the exit
/// code.
pub type Main = Arc<dyn Fn(u16) -> Pin<Box<dyn Future<Output = ExitCode>>> + Send + Sync>;

/// A machine and its program. The machine's own main function is not used.
pub struct Program {
    /// The machine.
    pub machine: Machine,
    /// The program's main function.
    pub main: Main,
}

/// The number of stop requests to the present incarnation of each node.
static STOPS: Mutex<BTreeMap<NodeId, watch::Sender<u64>>> = Mutex::new(BTreeMap::new());

fn stops() -> MutexGuard<'static, BTreeMap<NodeId, watch::Sender<u64>>> {
    STOPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the number of stop requests to the calling incarnation, and its changes; `None` outside a run of a guest engine.
pub fn stop_requests() -> Option<watch::Receiver<u64>> {
    let (node, _) = crate::libc::harness::current_process()?;
    stops().get(&node).map(watch::Sender::subscribe)
}

/// Begins to count the stop requests to a new incarnation of a node.
pub(crate) fn begin_stops(node: NodeId) {
    stops().insert(node, watch::Sender::new(0));
}

/// Sets the number of stop requests to the present incarnation of a node, and notifies the program.
pub(crate) fn notify_stops(node: NodeId, count: u64) {
    let requests = stops().get(&node).cloned();
    if let Some(requests) = requests {
        requests.send_replace(count);
    }
}

/// Returns whether the calling thread tears down a dead process, whose events are dropped.
pub fn is_muted() -> bool {
    crate::libc::here().is_some_and(|me| crate::libc::current::kernel(me, |kernel| kernel.is_muted(me)))
}
