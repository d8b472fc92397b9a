//! The sink: one function of the process that receives every fact, absent outside a run.
//! It does not interpret a fact.

use crate::fact::Fact;
use core::panic::Location;

/// Receives one fact and the source line that reported it.
///
/// The answer is the number of the object, borrow, call, task, holder or entry that begins with the fact (see
/// [`Fact::begins`]). For [`Fact::Buggify`] it is 1 if the program should misbehave. Otherwise it is ignored.
pub type Sink = fn(&Fact<'_>, &'static Location<'static>) -> u64;

#[cfg(all(feature = "std", not(feature = "off")))]
mod attached {
    use super::{Fact, Location, Sink};
    use core::sync::atomic::{AtomicBool, Ordering};

    extern crate std;
    use std::sync::OnceLock;

    static ATTACHED: AtomicBool = AtomicBool::new(false);
    static SINK: OnceLock<Sink> = OnceLock::new();

    /// Attaches the sink of this process. The harness of a run calls this; a program never does.
    ///
    /// Returns `false` if a sink was attached before: the first one stays.
    pub fn attach(sink: Sink) -> bool {
        let first = SINK.set(sink).is_ok();
        ATTACHED.store(true, Ordering::Release);
        first
    }

    /// Returns `true` if a sink is attached. Outside a run this check is the whole cost of a probe.
    #[inline]
    pub fn attached() -> bool {
        ATTACHED.load(Ordering::Relaxed)
    }

    #[cold]
    pub(super) fn answer(fact: &Fact<'_>, site: &'static Location<'static>) -> u64 {
        SINK.get().map_or(0, |sink| sink(fact, site))
    }
}

#[cfg(not(all(feature = "std", not(feature = "off"))))]
mod attached {
    use super::{Fact, Location, Sink};

    /// Attaches nothing: this build has no sink. Returns `false`.
    pub fn attach(_: Sink) -> bool {
        false
    }

    /// Returns `true` if a sink is attached: never, in this build.
    #[inline]
    pub const fn attached() -> bool {
        false
    }

    pub(super) fn answer(_: &Fact<'_>, _: &'static Location<'static>) -> u64 {
        0
    }
}

pub use attached::{attach, attached};

/// Reports a fact to the sink, and to `tracing` with that feature. Returns the sink's answer, or 0.
#[inline]
pub(crate) fn report(fact: &Fact<'_>, site: &'static Location<'static>) -> u64 {
    let answer = if attached() { attached::answer(fact, site) } else { 0 };
    #[cfg(all(feature = "tracing", not(feature = "off")))]
    let answer = crate::trace::emit(fact, answer, site);
    answer
}

/// Like [`report`], for hot paths: the fact is constructed only if it is observed.
#[inline]
pub(crate) fn report_with<'a>(fact: impl FnOnce() -> Fact<'a>, site: &'static Location<'static>) -> u64 {
    if crate::listening() { report(&fact(), site) } else { 0 }
}
