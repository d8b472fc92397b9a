//! The `tracing` subscriber of a run: facts become events of the run, other lines become its log.
//! Outside of a run its layers do nothing.

use crate::rt::guest;
use crate::run::facts::{LogFact, Objects};
use crate::run::log_filter::Filter;
use afterlife_sim::Source;
use std::cell::Cell;
use std::fmt::{self, Debug};
use std::sync::{Mutex, OnceLock, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// The filter of the log; set in the process of a run that has one.
static FILTER: OnceLock<Filter> = OnceLock::new();

/// The names of objects in the one run of this process.
static OBJECTS: Mutex<Option<Objects>> = Mutex::new(None);

/// A layer that turns events with a field `fact` into events of the run, as a probe would report them:
/// `tracing::trace!(fact = "closed", name = "metadata-db", object = 3)`. The fields are those that `afterlife-probe` writes
/// with its feature `tracing`. The probe's own events are skipped, since its sink has recorded them already.
///
/// The global subscriber of a run has this layer. A program that sets its own subscriber on its threads adds the layer there.
pub fn facts<S: Subscriber + for<'span> LookupSpan<'span>>() -> impl Layer<S> {
    Facts.with_filter(filter_fn(is_fact))
}

fn is_fact(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && metadata.fields().field("fact").is_some()
}

/// Sets the global subscriber of a process that will run scenarios.
pub(crate) fn install() {
    let lines = Lines.with_filter(filter_fn(|metadata| FILTER.get().is_some_and(|filter| filter.enables(metadata))));
    let subscriber = guest::report_turns(tracing_subscriber::registry().with(facts()).with(lines));
    // A program that has already set its own subscriber keeps it.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Records the lines of this process's run that pass the filter: `info`, `openraft=debug,warn`.
///
/// # Errors
/// If the text is not a filter.
pub(crate) fn keep(filter: &str) -> Result<(), String> {
    let _ = FILTER.set(Filter::read(filter)?);
    tracing::callsite::rebuild_interest_cache();
    Ok(())
}

struct Facts;

impl<S: Subscriber> Layer<S> for Facts {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(who) = afterlife_sim::current_process() else { return };
        let mut fields = Fields::default();
        event.record(&mut fields);
        if fields.recorded {
            return;
        }
        let metadata = event.metadata();
        let (file, line) = (metadata.file().unwrap_or_default(), metadata.line().unwrap_or_default());
        let mut objects = OBJECTS.lock().unwrap_or_else(PoisonError::into_inner);
        let objects = objects.get_or_insert_default();
        objects.report(who, &fields.fact, |fact| afterlife_sim::report(fact, file, line));
    }
}

/// The fields of an event that states a fact.
#[derive(Default)]
struct Fields {
    fact: LogFact,
    /// True if the probe's sink has recorded the fact already.
    recorded: bool,
}

impl Fields {
    fn put(&mut self, field: &str, value: String) {
        let fact = &mut self.fact;
        match field {
            "fact" => fact.kind = value,
            "name" => fact.name = value,
            "object" => fact.object = Some(value).filter(|number| number != "0"),
            "part" => fact.part = Some(value).filter(|number| number != "0"),
            "text" => fact.text = Some(value),
            _ => {}
        }
    }

    fn number(&mut self, field: &str, value: i64) {
        match field {
            "value" => self.fact.value = value,
            field => self.put(field, value.to_string()),
        }
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field.name(), value as i64);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.recorded |= field.name() == "recorded" && value;
        self.number(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field.name(), format!("{value:?}"));
    }
}

struct Lines;

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        // The program requested none of this memory, so none of it counts as the program's.
        let spans: Vec<&str> = afterlife_sim::outside(|| {
            let scope = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
            scope.map(|span| span.metadata().name()).collect()
        });
        afterlife_sim::trace(
            source(metadata.level()),
            metadata.target(),
            format_args!("{}{}", Within(&spans), Shown(event)),
        );
        afterlife_sim::outside(|| drop(spans));
    }
}

fn source(level: &Level) -> Source {
    match *level {
        Level::ERROR => Source::Error,
        Level::WARN => Source::Warn,
        Level::INFO => Source::Info,
        Level::DEBUG => Source::Debug,
        Level::TRACE => Source::Trace,
    }
}

/// The spans around an event, outermost first.
struct Within<'a>(&'a [&'a str]);

impl fmt::Display for Within<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|span| write!(f, "{span}: "))
    }
}

/// An event's message, then its other fields.
struct Shown<'a>(&'a Event<'a>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut writer = Writer { to: f, first: Cell::new(true), failed: false };
        self.0.record(&mut writer);
        if writer.failed { Err(fmt::Error) } else { Ok(()) }
    }
}

struct Writer<'a, 'b> {
    to: &'a mut fmt::Formatter<'b>,
    first: Cell<bool>,
    failed: bool,
}

impl Visit for Writer<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let space = if self.first.replace(false) { "" } else { " " };
        let written = match field.name() {
            "message" => write!(self.to, "{space}{value:?}"),
            name => write!(self.to, "{space}{name}={value:?}"),
        };
        self.failed |= written.is_err();
    }
}
