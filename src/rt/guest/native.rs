//! The no-op guest of a program that was built with neither turmoil nor madsim.

use crate::model::engine::Engine;
use afterlife_sim::{ExitCode, Machine, Observer, Outcome, Settings};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// The engine of portable scenarios.
pub(crate) const PORTABLE: Engine = Engine::Native;
/// True if the native engine works in this program.
pub(crate) const HAS_NATIVE: bool = true;
/// True if tasks that are spawned through `rt` are tokio's.
pub(crate) const TASKS_ARE_TOKIOS: bool = true;

/// The main function of a node: called with the number of each incarnation, it returns a future that gives the exit code.
pub(crate) type Main = Arc<dyn Fn(u16) -> Pin<Box<dyn Future<Output = ExitCode>>> + Send + Sync>;

/// A machine and its main function.
pub(crate) struct Program {
    /// The machine.
    pub(crate) machine: Machine,
    /// Its main function.
    pub(crate) main: Main,
}

/// Returns whether the calling thread takes a dead process apart, so that its actions do not count.
pub(crate) fn is_muted() -> bool {
    false
}

/// The stop requests of a node on a guest engine. There is no such node.
#[derive(Debug)]
pub(crate) enum StopRequests {}

impl StopRequests {
    /// The requests of the calling node.
    pub(crate) fn of_this_node() -> Option<Self> {
        None
    }

    /// Waits for more than this number of requests.
    pub(crate) async fn more_than(&mut self, _: u64) -> bool {
        match *self {}
    }
}

/// The running task of the guest. There is none.
pub(crate) fn current_task() -> u64 {
    0
}

/// Lets the guest report the running task through a subscriber. There is no guest: a layer that does nothing would still enable
/// every span and event.
pub(crate) fn report_turns<S>(subscriber: S) -> S {
    subscriber
}

/// Runs programs on the guest.
pub(crate) fn run(_: Settings, programs: Vec<Program>, _: Box<dyn Observer>) -> Outcome {
    for Program { machine, main } in programs {
        drop((machine.name, main));
    }
    unreachable!("no scenario of this program runs on a guest engine")
}
