//! turmoil as the guest engine. It reports the running host by a span around each of its turns, and by nothing else.
//! Events within that span are ignored here.

use crate::model::engine::Engine;
use afterlife_sim::guests::Program;
use afterlife_sim::{Observer, Outcome, Settings};
use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// The engine of portable scenarios.
pub(crate) const PORTABLE: Engine = Engine::Turmoil;
/// True if the native engine works in this program.
pub(crate) const HAS_NATIVE: bool = true;
/// True if tasks that are spawned through `rt` are tokio's.
pub(crate) const TASKS_ARE_TOKIOS: bool = true;

/// Runs programs on turmoil.
pub(crate) fn run(settings: Settings, programs: Vec<Program>, observer: Box<dyn Observer>) -> Outcome {
    afterlife_sim::turmoil::run(settings, programs, observer)
}

/// The running task of the guest. None: tasks on turmoil are tokio's.
pub(crate) fn current_task() -> u64 {
    0
}

thread_local! {
    /// The host of the newest span; turmoil enters it at once.
    static HOST: RefCell<String> = const { RefCell::new(String::new()) };
    /// That span, and its depth: code that runs within may keep the span and enter it again, then or later.
    static TURN: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
}

/// Lets the guest report the running task through a subscriber.
pub(crate) fn report_turns<S>(subscriber: S) -> impl Subscriber + Send + Sync
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    subscriber.with(Turns.with_filter(filter_fn(is_turn)))
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
