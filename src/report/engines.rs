//! The table of engines: capabilities, and the engines that support them.

use super::line::{Line, Tone};
use crate::model::engine::{Engine, Need};

const FIRST_AT: usize = 46;
const WIDE: usize = 12;

/// The table.
pub(crate) fn engines() -> Vec<Line> {
    let each = || Engine::ALL.into_iter().enumerate();
    let row = |first: Line, cell: &dyn Fn(Engine) -> (Tone, &'static str)| {
        each().fold(first, |line, (index, engine)| {
            let (tone, text) = cell(engine);
            line.to(FIRST_AT + index * WIDE).put(tone, text)
        })
    };
    let here = |engine: Engine| (Tone::Plain, if engine.is_here() { "yes" } else { "no" });
    let mut lines = vec![
        row(Line::of(Tone::Strong, "capability"), &|engine| (Tone::Strong, engine.name())),
        row(Line::of(Tone::Plain, "built into this program"), &here),
    ];
    for need in Need::ALL {
        lines.push(row(Line::of(Tone::Plain, need.words()), &|engine| match engine.has(need) {
            true => (Tone::Plain, "yes"),
            false => (Tone::Faint, "no"),
        }));
        for (_, engine) in each() {
            let (_, note) = engine.support(need);
            if !note.is_empty() {
                lines.push(Line::of(Tone::Faint, format!("  {engine}: {note}")));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::line::WIDTH;
    use super::*;

    #[test]
    fn every_need_has_a_line_that_fits() {
        let lines = engines();
        assert!(lines.iter().all(|line| line.width() <= WIDTH));
        assert!(lines.len() > Need::ALL.len() + 2);
    }
}
