//! madsim as the guest engine. Each incarnation of a node has a span, and each of its tasks a span within it, which is entered
//! when the task runs or is dropped.
//! Events within these spans are ignored here.

use crate::model::engine::Engine;
use afterlife_sim::guests::Program;
use afterlife_sim::madsim::Incarnation;
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
pub(crate) const PORTABLE: Engine = Engine::Madsim;
/// True if the native engine works in this program: madsim replaces its clocks.
pub(crate) const HAS_NATIVE: bool = false;
/// True if tasks that are spawned through `rt` are tokio's.
pub(crate) const TASKS_ARE_TOKIOS: bool = false;

/// Runs programs on madsim.
pub(crate) fn run(settings: Settings, programs: Vec<Program>, observer: Box<dyn Observer>) -> Outcome {
    afterlife_sim::madsim::run(settings, programs, observer)
}

/// A task and its incarnation; number 0 is the incarnation itself.
#[derive(Clone, Copy)]
struct Of {
    incarnation: Incarnation,
    task: u64,
}

thread_local! {
    /// The span of the running task, and its depth: code that runs within may enter that span again, or another task's.
    static TURN: RefCell<Option<(u64, u32)>> = const { RefCell::new(None) };
    static TASK: Cell<u64> = const { Cell::new(0) };
}

/// The running task, numbered from 1; 0 if there is none.
pub(crate) fn current_task() -> u64 {
    TASK.get()
}

/// Lets the guest report the running task through a subscriber.
pub(crate) fn report_turns<S>(subscriber: S) -> impl Subscriber + Send + Sync
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    subscriber.with(Turns.with_filter(filter_fn(is_madsims)))
}

fn is_madsims(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && matches!(metadata.name(), "node" | "task") && metadata.target() == "madsim::sim::task"
}

struct Turns;

fn of<S: Subscriber + for<'span> LookupSpan<'span>>(id: &Id, context: &Context<'_, S>) -> Option<Of> {
    context.span(id)?.extensions().get::<Of>().copied()
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Turns {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let made = match attributes.metadata().name() {
            "node" => afterlife_sim::madsim::starting().map(|incarnation| Of { incarnation, task: 0 }),
            _ => attributes.parent().and_then(|node| of(node, &context)).map(|node| {
                let mut number = Number(0);
                attributes.record(&mut number);
                afterlife_sim::madsim::task_made(node.incarnation);
                Of { task: number.0 + 1, ..node }
            }),
        };
        if let (Some(made), Some(span)) = (made, context.span(id)) {
            span.extensions_mut().insert(made);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let (span, mut begins) = (id.into_u64(), false);
        let found = of(id, &context);
        TURN.with_borrow_mut(|turn| match turn {
            Some((turn, depth)) if *turn == span => *depth += 1,
            None if found.is_some_and(|found| found.task > 0) => {
                *turn = Some((span, 1));
                begins = true;
            }
            _ => {}
        });
        if let (true, Some(found)) = (begins, found) {
            TASK.set(found.task);
            afterlife_sim::madsim::turn_begins(found.incarnation);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let ends = TURN.with_borrow_mut(|turn| match turn {
            Some((entered, depth)) if *entered == id.into_u64() => {
                *depth -= 1;
                let ends = *depth == 0;
                if ends {
                    *turn = None;
                }
                ends
            }
            _ => false,
        });
        if let (true, Some(found)) = (ends, of(id, &context)) {
            TASK.set(0);
            afterlife_sim::madsim::turn_ends(found.incarnation);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(closed) = of(&id, &context).filter(|closed| closed.task > 0) {
            afterlife_sim::madsim::task_gone(closed.incarnation);
        }
    }
}

/// The number that madsim gives a task.
struct Number(u64);

impl Visit for Number {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "id" {
            self.0 = format!("{value:?}").parse().unwrap_or_default();
        }
    }
}
