//! What programs printed and traced in a run, a line each, with virtual time and node.
//! What is shown is chosen by whoever asks.

use super::line::{Line, Tone};
use super::measure::{moment, plural};
use crate::logs::Filter;
use crate::run::Record;

/// The lines of a record that a filter lets through.
pub(crate) fn traced(record: &Record, filter: &Filter) -> Vec<Line> {
    let shown: Vec<_> = record.lines.iter().filter(|line| filter.lets(line)).collect();
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
    let node = |index: u16| record.nodes.get(usize::from(index)).map_or("?", String::as_str);
    let widest = shown.iter().map(|line| node(line.node.0).chars().count()).max().unwrap_or(0);
    lines.extend(shown.into_iter().map(|line| {
        let life = if line.incarnation > 1 { format!(" (life {})", line.incarnation) } else { String::new() };
        let target = if line.target.is_empty() { String::new() } else { format!("{}: ", line.target) };
        let text = format!("{:>6} {target}{}", line.source.label(), line.text);
        Line::of(Tone::Faint, format!("    {:>9}", moment(line.time_ns)))
            .put(Tone::Plain, format!("  {:<widest$}{life}  {text}", node(line.node.0)))
    }));
    lines
}
