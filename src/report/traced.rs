//! What programs traced in a run, a line each, with virtual time and node.
//! What is shown was filtered where it was kept.

use super::line::{Line, Tone};
use super::measure::moment;
use crate::run::Record;

/// The lines of a record.
pub(super) fn traced(record: &Record) -> Vec<Line> {
    let mut lines = vec![Line::default(), Line::of(Tone::Plain, "  what was traced")];
    let node = |index: u16| record.nodes.get(usize::from(index)).map_or("?", String::as_str);
    let widest = record.lines.iter().map(|line| node(line.node.0).chars().count()).max().unwrap_or(0);
    lines.extend(record.lines.iter().map(|line| {
        let life = if line.incarnation > 1 { format!(" (life {})", line.incarnation) } else { String::new() };
        Line::of(Tone::Faint, format!("    {:>9}", moment(line.time_ns)))
            .put(Tone::Plain, format!("  {:<widest$}{life}  {}", node(line.node.0), line.text))
    }));
    lines
}
