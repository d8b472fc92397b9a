//! Whose turn it is on madsim: each life of a node has a span, each of its tasks one within it, which is entered when the task
//! runs or is taken apart.
//! What is said within is nothing to this.

use afterlife_sim::madsim::Life;
use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// A task, and the life that it is part of; number 0 is that life itself.
#[derive(Clone, Copy)]
struct Of {
    life: Life,
    task: u64,
}

thread_local! {
    /// The span of the task whose turn it is, and how often it is entered: what runs within may enter it again, or another's.
    static TURN: RefCell<Option<(u64, u32)>> = const { RefCell::new(None) };
    static TASK: Cell<u64> = const { Cell::new(0) };
}

/// The task whose turn it is, by a number that is not 0; 0 if it is nobody's.
pub(crate) fn task() -> u64 {
    TASK.get()
}

/// The layer that tells the room of turns.
pub(super) fn lives<S: Subscriber + for<'span> LookupSpan<'span>>() -> impl Layer<S> {
    Lives.with_filter(filter_fn(is_madsims))
}

fn is_madsims(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && matches!(metadata.name(), "node" | "task") && metadata.target() == "madsim::sim::task"
}

struct Lives;

fn of<S: Subscriber + for<'span> LookupSpan<'span>>(id: &Id, context: &Context<'_, S>) -> Option<Of> {
    context.span(id)?.extensions().get::<Of>().copied()
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Lives {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let made = match attributes.metadata().name() {
            "node" => afterlife_sim::madsim::born().map(|life| Of { life, task: 0 }),
            _ => attributes.parent().and_then(|node| of(node, &context)).map(|it| {
                let mut number = Number(0);
                attributes.record(&mut number);
                afterlife_sim::madsim::task_made(it.life);
                Of { task: number.0 + 1, ..it }
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
            None if found.is_some_and(|it| it.task > 0) => {
                *turn = Some((span, 1));
                begins = true;
            }
            _ => {}
        });
        if let (true, Some(it)) = (begins, found) {
            TASK.set(it.task);
            afterlife_sim::madsim::turn_begins(it.life);
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
        if let (true, Some(it)) = (ends, of(id, &context)) {
            TASK.set(0);
            afterlife_sim::madsim::turn_ends(it.life);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(it) = of(&id, &context).filter(|it| it.task > 0) {
            afterlife_sim::madsim::task_gone(it.life);
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
