//! Where facts go: one process-wide sink, absent outside a run.
//! It does not know what a sink does with a fact.

use crate::fact::Fact;
use core::panic::Location;

/// Takes one fact, with the place in the program that told it. The answer is a number: of the object, the borrow, the call,
/// the task that begins with the fact; for [`Fact::Buggify`] whether to misbehave; and ignored otherwise.
pub type Sink = fn(&Fact<'_>, &'static Location<'static>) -> u64;

#[cfg(all(feature = "std", not(feature = "off")))]
mod attached {
    use super::{Fact, Location, Sink};
    use core::sync::atomic::{AtomicBool, Ordering};

    extern crate std;
    use std::sync::OnceLock;

    static ATTACHED: AtomicBool = AtomicBool::new(false);
    static SINK: OnceLock<Sink> = OnceLock::new();

    /// Attaches the sink of this process. The first one stays; a run's harness calls this, a program never does.
    ///
    /// Returns whether `sink` is the one in force.
    pub fn attach(sink: Sink) -> bool {
        let mine = SINK.set(sink).is_ok();
        ATTACHED.store(true, Ordering::Release);
        mine
    }

    /// Whether a sink listens: the one check that a probe costs outside a run.
    #[inline]
    pub fn attached() -> bool {
        ATTACHED.load(Ordering::Relaxed)
    }

    #[cold]
    pub(super) fn told(fact: &Fact<'_>, site: &'static Location<'static>) -> u64 {
        SINK.get().map_or(0, |sink| sink(fact, site))
    }
}

#[cfg(not(all(feature = "std", not(feature = "off"))))]
mod attached {
    use super::{Fact, Location, Sink};

    /// Attaches nothing: this build of the probe has no sink. Returns `false`.
    pub fn attach(_: Sink) -> bool {
        false
    }

    /// Whether a sink listens: never, in this build of the probe.
    #[inline]
    pub const fn attached() -> bool {
        false
    }

    pub(super) fn told(_: &Fact<'_>, _: &'static Location<'static>) -> u64 {
        0
    }
}

pub use attached::{attach, attached};

/// Tells a fact to whoever listens.
#[inline]
pub(crate) fn tell(fact: &Fact<'_>, site: &'static Location<'static>) -> u64 {
    let answer = if attached() { attached::told(fact, site) } else { 0 };
    #[cfg(all(feature = "tracing", not(feature = "off")))]
    let answer = crate::trace::emit(fact, answer, site);
    answer
}

/// As [`tell`], for what is told often: the fact is put together only if somebody listens.
#[inline]
pub(crate) fn tell_of<'a>(fact: impl FnOnce() -> Fact<'a>, site: &'static Location<'static>) -> u64 {
    if crate::listening() { tell(&fact(), site) } else { 0 }
}
