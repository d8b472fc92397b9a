//! Facts as `tracing` events, with target `afterlife` and level TRACE.
//! It does not read them: the harness's layer does in a run, and `audit` in a production log.

use crate::fact::{Begins, Fact};
use crate::parts::Parts;
use core::panic::Location;
use core::sync::atomic::{AtomicU64, Ordering};
use tracing::Level;

/// The next number, for objects and parts that begin without a sink.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Returns `true` if a subscriber is interested in these events.
#[inline]
pub(crate) fn enabled() -> bool {
    tracing::enabled!(target: "afterlife", Level::TRACE)
}

/// Emits one event. `answer` is the sink's, or 0. Returns the number that identifies what began.
pub(crate) fn emit(fact: &Fact<'_>, answer: u64, site: &'static Location<'static>) -> u64 {
    if !enabled() {
        return answer;
    }
    let mut parts = Parts::from(fact);
    let begins = fact.begins();
    let number = match (begins, answer) {
        (Begins::Nothing, _) => answer,
        (_, 0) => NEXT.fetch_add(1, Ordering::Relaxed),
        (_, answer) => answer,
    };
    match begins {
        Begins::Nothing => {}
        Begins::Object => parts.object = number,
        Begins::Part => parts.part = number,
    }
    let Parts { kind, name, object, part, value, text } = parts;
    // The run's own layer skips a fact that the sink has received.
    let recorded = crate::attached().then_some(true);
    tracing::event!(
        target: "afterlife",
        Level::TRACE,
        fact = kind,
        name,
        object,
        part,
        value,
        text = text.map(tracing::field::display),
        recorded,
        site = %format_args!("{}:{}", site.file(), site.line()),
    );
    number
}
