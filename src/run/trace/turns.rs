//! Whose turn it is on turmoil: it has no other word for that than a span around each host's turn.
//! What is said within is nothing to this.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

thread_local! {
    /// The host of the span that was made last; turmoil enters it at once.
    static HOST: RefCell<String> = const { RefCell::new(String::new()) };
    /// That span, and how often it is entered: what runs within may keep it, and enter it again, then or later.
    static TURN: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
}

/// The layer that tells the room of turns.
pub(super) fn turns<S: Subscriber + for<'span> LookupSpan<'span>>() -> impl Layer<S> {
    Turns.with_filter(filter_fn(is_turn))
}

fn is_turn(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.name() == "node" && metadata.target() == "turmoil::sim"
}

struct Turns;

impl<S: Subscriber> Layer<S> for Turns {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        attributes.record(&mut Name);
        TURN.set((id.into_u64(), 0));
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        let (turn, depth) = TURN.get();
        if turn == id.into_u64() {
            TURN.set((turn, depth + 1));
            if depth == 0 {
                HOST.with_borrow(|host| afterlife_sim::turmoil::turn_begins(host));
            }
        }
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        let (turn, depth) = TURN.get();
        if turn == id.into_u64() {
            TURN.set((turn, depth - 1));
            if depth == 1 {
                afterlife_sim::turmoil::turn_ends();
            }
        }
    }
}

struct Name;

impl Visit for Name {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "name" {
            HOST.with_borrow_mut(|host| {
                host.clear();
                host.push_str(value);
            });
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}
