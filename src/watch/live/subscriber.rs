//! A `tracing` subscriber in front of the current one. It observes a simulator's own spans and events, and passes on everything
//! that the other subscriber wants.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::dispatcher::{self, DefaultGuard, Dispatch};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;

/// Spans that the other subscriber does not want have numbers above this. Its own numbers are far below.
const OWN: u64 = u64::MAX - (1 << 32);

/// One counter for all observers, because spans outlive them.
static MADE: AtomicU64 = AtomicU64::new(0);

/// An observer of a simulator's spans and events. A span's number is unique until the span is closed.
pub(crate) trait Observer: Send + Sync + 'static {
    /// Returns whether the observer wants these spans or events.
    fn wants(&self, metadata: &Metadata<'_>) -> bool;
    /// A span was made.
    fn made(&self, span: u64, attributes: &Attributes<'_>);
    /// The thread entered a span.
    fn enter(&self, span: u64);
    /// The thread left a span.
    fn exit(&self, span: u64);
    /// A span was closed.
    fn closed(&self, span: u64);
    /// An event occurred.
    fn event(&self, event: &Event<'_>);
}

/// Observes this thread until the guard is dropped.
pub(crate) fn observe(observer: impl Observer) -> DefaultGuard {
    let other = dispatcher::get_default(Dispatch::clone);
    dispatcher::set_default(&Dispatch::new(Before { other, observer, spans: Mutex::default() }))
}

struct Before<H> {
    other: Dispatch,
    observer: H,
    spans: Mutex<Spans>,
}

/// The spans that the other subscriber does not know.
#[derive(Default)]
struct Spans {
    /// The number of handles to each span.
    handles: BTreeMap<u64, u32>,
}

/// Returns whether the other subscriber knows a span, too.
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
            // The other subscriber does not know the parent.
            Some(parent) if !is_shared(parent) => {
                self.other.new_span(&Attributes::new_root(span.metadata(), span.values()))
            }
            _ => self.other.new_span(span),
        }
    }
}

impl<H: Observer> Subscriber for Before<H> {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let others = self.other.register_callsite(metadata);
        if self.observer.wants(metadata) { Interest::always() } else { others }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.observer.wants(metadata) || self.other.enabled(metadata)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        if !self.observer.wants(span.metadata()) {
            return self.others(span);
        }
        let id = if self.other.enabled(span.metadata()) {
            self.others(span)
        } else {
            let number = u64::MAX - MADE.fetch_add(1, Ordering::Relaxed) % (u64::MAX - OWN);
            self.spans().handles.insert(number, 1);
            Id::from_u64(number)
        };
        self.observer.made(id.into_u64(), span);
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
        if self.observer.wants(event.metadata()) {
            self.observer.event(event);
            if !self.other.enabled(event.metadata()) {
                return;
            }
        }
        self.other.event(event);
    }

    fn enter(&self, span: &Id) {
        self.observer.enter(span.into_u64());
        if is_shared(span) {
            self.other.enter(span);
        }
    }

    fn exit(&self, span: &Id) {
        self.observer.exit(span.into_u64());
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
            let remaining = spans.handles.get_mut(&number).map_or(0, |handles| {
                *handles -= 1;
                *handles
            });
            if remaining == 0 {
                spans.handles.remove(&number);
            }
            remaining == 0
        };
        if closed {
            self.observer.closed(number);
        }
        closed
    }

    fn current_span(&self) -> Current {
        self.other.current_span()
    }
}
