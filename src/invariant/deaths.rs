//! The ends of processes: which of them are failures, and the words for each.

use super::contract::Facts;
use afterlife_sim::event::{Death, NodeId};

/// Returns whether a process failed by itself. Kills, power losses and overrun stops come from outside.
pub(crate) fn is_failure(how: Death) -> bool {
    match how {
        Death::Exit { code } => code != 0,
        Death::Panic | Death::Abort | Death::OutOfMemory | Death::Signal { .. } => true,
        Death::Kill | Death::Overrun | Death::PowerLoss => false,
    }
}

/// Returns whether a fault that is active on a node causes such an end: scarce memory, or a disk that refuses operations.
pub(super) fn is_by_a_fault(how: Death, node: NodeId, facts: &dyn Facts) -> bool {
    (how == Death::OutOfMemory && facts.has_memory_limit(node)) || facts.disk_fails(node)
}

/// The message of a panic on one line. `assert_eq!` prints left and right on lines of their own.
pub(super) fn on_one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The predicate of a sentence about a process that ended.
pub(super) fn ended(how: Death) -> String {
    match how {
        Death::Exit { code } => format!("ended with exit code {code}"),
        Death::Panic => "died of a panic".to_owned(),
        Death::Abort => "died by abort".to_owned(),
        Death::OutOfMemory => "died out of memory".to_owned(),
        Death::Signal { signal } => format!("died by signal {signal}"),
        Death::Kill | Death::Overrun | Death::PowerLoss => "was ended".to_owned(),
    }
}
