//! Hears of turmoil's spans and events whose turn it is, and which host is registered, crashed or started again.
//! It is a subscriber that stands before the one that is in force: what that one wants to hear, it hears as before.

use super::hosts::Hosts;
use crate::live::heard;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use tracing::dispatcher::{self, DefaultGuard, Dispatch};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_core::span::Current;

/// Numbers of spans that the other subscriber does not want count down from here; its own are nowhere near.
const OWN: u64 = u64::MAX - (1 << 32);

/// Hears on this thread until the answer is dropped.
pub(super) fn hear() -> DefaultGuard {
    let other = dispatcher::get_default(Dispatch::clone);
    dispatcher::set_default(&Dispatch::new(Before { other, turns: Mutex::default() }))
}

struct Before {
    other: Dispatch,
    turns: Mutex<Turns>,
}

/// Whose turn each span is.
#[derive(Default)]
struct Turns {
    names: BTreeMap<u64, String>,
    own: u64,
}

/// Whether this is the span of a host's turn.
fn is_turn(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.name() == "node" && metadata.target().starts_with("turmoil")
}

/// Whether this tells that a host is registered, or is crashed or started again.
fn is_life(metadata: &Metadata<'_>) -> bool {
    let fields = metadata.fields();
    let has = |name| fields.field(name).is_some();
    metadata.is_event()
        && metadata.target() == "turmoil"
        && has("addr")
        && (has("nodename") || *metadata.level() == Level::TRACE && fields.len() == 2)
}

impl Before {
    fn turns(&self) -> std::sync::MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a span is the other subscriber's, too.
    fn is_shared(span: &Id) -> bool {
        span.into_u64() <= OWN
    }
}

impl Subscriber for Before {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let others = self.other.register_callsite(metadata);
        if is_turn(metadata) || is_life(metadata) { Interest::always() } else { others }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_turn(metadata) || is_life(metadata) || self.other.enabled(metadata)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        if !is_turn(span.metadata()) {
            return self.other.new_span(span);
        }
        let mut fields = Fields::default();
        span.record(&mut fields);
        let shared = self.other.enabled(span.metadata()).then(|| self.other.new_span(span));
        let mut turns = self.turns();
        let id = shared.unwrap_or_else(|| {
            turns.own = (turns.own + 1) % (1 << 32);
            Id::from_u64(u64::MAX - turns.own)
        });
        turns.names.insert(id.into_u64(), fields.name);
        id
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if Self::is_shared(span) {
            self.other.record(span, values);
        }
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        if Self::is_shared(span) && Self::is_shared(follows) {
            self.other.record_follows_from(span, follows);
        }
    }

    fn event(&self, event: &Event<'_>) {
        if is_life(event.metadata()) {
            let mut fields = Fields::default();
            event.record(&mut fields);
            fields.tell();
            if !self.other.enabled(event.metadata()) {
                return;
            }
        }
        self.other.event(event);
    }

    fn enter(&self, span: &Id) {
        let turn = self.turns().names.get(&span.into_u64()).cloned();
        turn.and_then(|name| heard(|hosts: &mut Hosts, _| hosts.begin(&name)));
        if Self::is_shared(span) {
            self.other.enter(span);
        }
    }

    fn exit(&self, span: &Id) {
        if self.turns().names.contains_key(&span.into_u64()) {
            heard(|hosts: &mut Hosts, _| hosts.end());
        }
        if Self::is_shared(span) {
            self.other.exit(span);
        }
    }

    fn clone_span(&self, span: &Id) -> Id {
        if Self::is_shared(span) { self.other.clone_span(span) } else { span.clone() }
    }

    fn try_close(&self, span: Id) -> bool {
        let number = span.into_u64();
        let closed = !Self::is_shared(&span) || self.other.try_close(span);
        if closed {
            self.turns().names.remove(&number);
        }
        closed
    }

    fn current_span(&self) -> Current {
        self.other.current_span()
    }
}

/// What turmoil says of a host.
#[derive(Default)]
struct Fields {
    message: String,
    name: String,
    address: Option<IpAddr>,
}

impl Fields {
    fn tell(self) {
        heard(|hosts: &mut Hosts, hearing| match (&*self.message, self.address) {
            ("New", _) => hosts.register(&self.name),
            ("Crash", Some(address)) => hosts.crashed(address, hearing),
            ("Bounce", Some(address)) => hosts.bounced(address, hearing),
            _ => {}
        });
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if ["name", "nodename"].contains(&field.name()) {
            value.clone_into(&mut self.name);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "addr" => self.address = format!("{value:?}").parse().ok(),
            _ => {}
        }
    }
}
