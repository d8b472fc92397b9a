//! A subscriber that stands before the one that is in force: it hears what a simulator says of itself through `tracing`, and
//! what the other one wants to hear, that one hears as before.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::dispatcher::{self, DefaultGuard, Dispatch};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;

/// Numbers of spans that the other subscriber does not want count down from here; its own are nowhere near.
const OWN: u64 = u64::MAX - (1 << 32);

/// One count for all that hear, since spans outlive them.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Who wants to hear a simulator's spans and events. A span's number is its own until it is closed.
pub(crate) trait Hears: Send + Sync + 'static {
    /// Whether it wants to hear of these.
    fn wants(&self, metadata: &Metadata<'_>) -> bool;
    /// A span was made.
    fn made(&self, span: u64, attributes: &Attributes<'_>);
    /// The thread entered a span.
    fn enter(&self, span: u64);
    /// The thread left a span.
    fn exit(&self, span: u64);
    /// A span is over.
    fn closed(&self, span: u64);
    /// Something was said.
    fn event(&self, event: &Event<'_>);
}

/// Hears on this thread until the answer is dropped.
pub(crate) fn hear(hears: impl Hears) -> DefaultGuard {
    let other = dispatcher::get_default(Dispatch::clone);
    dispatcher::set_default(&Dispatch::new(Before { other, hears, spans: Mutex::default() }))
}

struct Before<H> {
    other: Dispatch,
    hears: H,
    spans: Mutex<Spans>,
}

/// The spans that are ours alone.
#[derive(Default)]
struct Spans {
    /// How many handles there are to each of those that the other does not know.
    handles: BTreeMap<u64, u32>,
}

/// Whether a span is the other subscriber's, too.
fn is_shared(span: &Id) -> bool {
    span.into_u64() < OWN
}

impl<H> Before<H> {
    fn spans(&self) -> MutexGuard<'_, Spans> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The other subscriber's number for a span that it wants.
    fn others(&self, span: &Attributes<'_>) -> Id {
        match span.parent() {
            // It does not know the parent.
            Some(parent) if !is_shared(parent) => {
                self.other.new_span(&Attributes::new_root(span.metadata(), span.values()))
            }
            _ => self.other.new_span(span),
        }
    }
}

impl<H: Hears> Subscriber for Before<H> {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let others = self.other.register_callsite(metadata);
        if self.hears.wants(metadata) { Interest::always() } else { others }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.hears.wants(metadata) || self.other.enabled(metadata)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        if !self.hears.wants(span.metadata()) {
            return self.others(span);
        }
        let id = if self.other.enabled(span.metadata()) {
            self.others(span)
        } else {
            let number = u64::MAX - MADE.fetch_add(1, Ordering::Relaxed) % (u64::MAX - OWN);
            self.spans().handles.insert(number, 1);
            Id::from_u64(number)
        };
        self.hears.made(id.into_u64(), span);
        id
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if is_shared(span) {
            self.other.record(span, values);
        }
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        if is_shared(span) && is_shared(follows) {
            self.other.record_follows_from(span, follows);
        }
    }

    fn event(&self, event: &Event<'_>) {
        if self.hears.wants(event.metadata()) {
            self.hears.event(event);
            if !self.other.enabled(event.metadata()) {
                return;
            }
        }
        self.other.event(event);
    }

    fn enter(&self, span: &Id) {
        self.hears.enter(span.into_u64());
        if is_shared(span) {
            self.other.enter(span);
        }
    }

    fn exit(&self, span: &Id) {
        self.hears.exit(span.into_u64());
        if is_shared(span) {
            self.other.exit(span);
        }
    }

    fn clone_span(&self, span: &Id) -> Id {
        if is_shared(span) {
            return self.other.clone_span(span);
        }
        self.spans().handles.entry(span.into_u64()).and_modify(|handles| *handles += 1);
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        let number = span.into_u64();
        let closed = if is_shared(&span) {
            self.other.try_close(span)
        } else {
            let mut spans = self.spans();
            let left = spans.handles.get_mut(&number).map_or(0, |handles| {
                *handles -= 1;
                *handles
            });
            if left == 0 {
                spans.handles.remove(&number);
            }
            left == 0
        };
        if closed {
            self.hears.closed(number);
        }
        closed
    }

    fn current_span(&self) -> Current {
        self.other.current_span()
    }
}
