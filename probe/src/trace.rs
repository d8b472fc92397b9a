//! The same facts as `tracing` events, for programs that log what their probes say: target `afterlife`, level TRACE.
//! What reads them is the harness: its layer in a run, its `audit` on a log from production.

use crate::fact::{Begins, Fact};
use crate::parts::Parts;
use core::panic::Location;
use core::sync::atomic::{AtomicU64, Ordering};
use tracing::Level;

/// Numbers what begins where no sink does.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Whether somebody takes such events.
#[inline]
pub(crate) fn enabled() -> bool {
    tracing::enabled!(target: "afterlife", Level::TRACE)
}

/// Emits one event. `answer` is the sink's, 0 if there was none; the result is the number to go on with.
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
    // A run's own layer passes over what the sink has heard.
    let told = crate::attached().then_some(true);
    tracing::event!(
        target: "afterlife",
        Level::TRACE,
        fact = kind,
        name,
        object,
        part,
        value,
        text = text.map(tracing::field::display),
        told,
        site = %format_args!("{}:{}", site.file(), site.line()),
    );
    number
}
