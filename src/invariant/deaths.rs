//! The ways in which a process ends: which of them are failures, and how they read.

use afterlife_sim::event::Death;

/// Whether a process ended badly, and by itself: a kill, a power loss and a stop are somebody else's doing.
pub(crate) fn is_failure(how: Death) -> bool {
    match how {
        Death::Exit { code } => code != 0,
        Death::Panic | Death::Abort | Death::OutOfMemory | Death::Signal { .. } => true,
        Death::Kill | Death::Overrun | Death::PowerLoss => false,
    }
}

/// How a process ended, as the end of a sentence about it.
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
