//! The output of programs in a run, printed and traced: one line each, with virtual time and node.

use super::line::{Line, Tone};
use super::measure::{moment, plural};
use crate::run::log_filter::Filter;
use crate::run::request::Record;

/// The lines of a record that pass a filter.
pub(crate) fn traced(record: &Record, filter: &Filter) -> Vec<Line> {
    let shown: Vec<_> = (0..record.lines.len()).filter(|number| filter.lets(&record.lines[*number])).collect();
    if shown.is_empty() {
        let text = match record.lines.len() as u64 {
            0 => "  the programs printed nothing".to_owned(),
            lines => format!("  no output passes the filter {filter} ({} recorded)", plural(lines, "line")),
        };
        return vec![Line::default(), Line::of(Tone::Plain, text)];
    }
    let title = if record.strayed {
        "  program output, from another run: tracing this much changes the run"
    } else {
        "  program output"
    };
    let mut lines = vec![Line::default(), Line::of(Tone::Plain, title)];
    let widest = shown.iter().map(|number| node(record, *number).chars().count()).max().unwrap_or(0);
    lines.extend(shown.into_iter().map(|number| {
        Line::of(Tone::Faint, format!("    {:>9}", moment(record.lines[number].time_ns)))
            .put(Tone::Plain, format!("  {}", with_source(record, number, widest)))
    }));
    lines
}

/// One line of output, with its time.
pub(super) fn output_line(record: &Record, number: usize) -> String {
    format!("{:>9}  {}", moment(record.lines[number].time_ns), with_source(record, number, 0))
}

fn node(record: &Record, number: usize) -> &str {
    record.nodes.get(usize::from(record.lines[number].node.0)).map_or("?", String::as_str)
}

/// One line of output, with its node padded to `widest` columns.
fn with_source(record: &Record, number: usize, widest: usize) -> String {
    let (line, node) = (&record.lines[number], node(record, number));
    let incarnation = if line.incarnation > 1 { format!(" (incarnation {})", line.incarnation) } else { String::new() };
    let target = if line.target.is_empty() { String::new() } else { format!("{}: ", line.target) };
    format!("{node:<widest$}{incarnation}  {:>6} {target}{}", line.source.label(), line.text)
}
