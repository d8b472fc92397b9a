//! The ends of processes: which of them are failures, and the words for each.

use afterlife_sim::event::Death;

/// Returns whether a process failed by itself. Kills, power losses and overrun stops come from outside.
pub(crate) fn is_failure(how: Death) -> bool {
    match how {
        Death::Exit { code } => code != 0,
        Death::Panic | Death::Abort | Death::OutOfMemory | Death::Signal { .. } => true,
        Death::Kill | Death::Overrun | Death::PowerLoss => false,
    }
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
