//! `list`: the tests with scenarios of a workspace, by package and binary.

use super::listing::{self, Listed};
use super::members::TestBinary;
use crate::cli::context::human;
use crate::model::refusal::Refusal;
use crate::report::{Line, Tone, WIDTH, plural, wrap};

/// Prints the tests with scenarios in these binaries. Returns their number.
pub(super) fn list(binaries: &[TestBinary]) -> Result<usize, Refusal> {
    let mut lines = Vec::new();
    let mut count = 0;
    for binary in binaries {
        let tests = listing::read(binary.file())?;
        count += tests.len();
        lines.extend(tests.iter().flat_map(|test| described(test, binary)));
    }
    human().print(&lines);
    Ok(count)
}

fn described(test: &Listed, binary: &TestBinary) -> Vec<Line> {
    // A path is made to be copied, so it is never cut.
    let mut lines = vec![Line::of(Tone::Strong, &test.path)];
    lines.extend(wrap(&test.summary, WIDTH - 2).into_iter().map(|text| Line::of(Tone::Plain, format!("  {text}"))));
    let runs = plural(test.seeds, "run");
    lines.push(Line::of(Tone::Faint, format!("  {}  {}:{}  {runs}", binary.name(), test.source, test.line)));
    lines
}
