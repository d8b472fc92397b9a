//! What programs printed and traced in a run, a line each, with virtual time and node.
//! What is shown is chosen by whoever asks.

use super::line::{Line, Tone};
use super::measure::{moment, plural};
use crate::run::log_filter::Filter;
use crate::run::request::Record;

/// The lines of a record that a filter lets through.
pub(crate) fn traced(record: &Record, filter: &Filter) -> Vec<Line> {
    let shown: Vec<_> = (0..record.lines.len()).filter(|number| filter.lets(&record.lines[*number])).collect();
    let all = plural(record.lines.len() as u64, "line");
    if shown.is_empty() {
        return vec![Line::default(), Line::of(Tone::Plain, format!("  no line of {all} passes the filter {filter}"))];
    }
    let title = if record.strayed {
        "  what the programs said, in another run: to trace so much changes this one"
    } else {
        "  what the programs said"
    };
    let mut lines = vec![Line::default(), Line::of(Tone::Plain, title)];
    let widest = shown.iter().map(|number| node(record, *number).chars().count()).max().unwrap_or(0);
    lines.extend(shown.into_iter().map(|number| {
        Line::of(Tone::Faint, format!("    {:>9}", moment(record.lines[number].time_ns)))
            .put(Tone::Plain, format!("  {}", by_whom(record, number, widest)))
    }));
    lines
}

/// The line of this number with its time.
pub(super) fn said(record: &Record, number: usize) -> String {
    format!("{:>9}  {}", moment(record.lines[number].time_ns), by_whom(record, number, 0))
}

fn node(record: &Record, number: usize) -> &str {
    record.nodes.get(usize::from(record.lines[number].node.0)).map_or("?", String::as_str)
}

/// The line of this number with who said it, in at least so many columns.
fn by_whom(record: &Record, number: usize, widest: usize) -> String {
    let (line, node) = (&record.lines[number], node(record, number));
    let life = if line.incarnation > 1 { format!(" (life {})", line.incarnation) } else { String::new() };
    let target = if line.target.is_empty() { String::new() } else { format!("{}: ", line.target) };
    format!("{node:<widest$}{life}  {:>6} {target}{}", line.source.label(), line.text)
}
