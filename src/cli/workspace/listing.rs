//! The descriptions that `#[afterlife::test]` leaves in the file of a test binary. They are read from the file, so that no test runs:
//! a test runner can name its tests, but cannot tell which have scenarios.

use crate::model::refusal::Refusal;
use std::fs;
use std::path::Path;

/// The bytes around the fields of a description, which end with a line feed each: the macro writes them.
const BEGIN: &[u8] = b"\x01afterlife test 1\n";
const END: u8 = 2;

/// A description is not longer.
const BYTES_MAX: usize = 1 << 16;

/// A test with a scenario.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Listed {
    /// Its path, as the test runner writes it.
    pub(super) path: String,
    /// Its source, relative to the workspace or its package.
    pub(super) source: String,
    /// The line of its attribute.
    pub(super) line: String,
    /// The number of runs.
    pub(super) seeds: u64,
    /// The first paragraph of its documentation.
    pub(super) summary: String,
}

/// The tests with scenarios in a test binary, by path.
pub(super) fn read(file: &Path) -> Result<Vec<Listed>, Refusal> {
    let unreadable = |error: std::io::Error| {
        Refusal::new(format!("cannot read {}: {error}", file.display()), "build the tests again")
    };
    Ok(find(&fs::read(file).map_err(unreadable)?))
}

fn find(bytes: &[u8]) -> Vec<Listed> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == BEGIN[0]) {
        rest = &rest[at..];
        found.extend(rest.strip_prefix(BEGIN).and_then(description));
        rest = &rest[1..];
    }
    found.sort();
    found.dedup();
    found
}

/// The description that these bytes begin with. The bytes of the macro's mark alone are none: this program has them, too.
fn description(bytes: &[u8]) -> Option<Listed> {
    let end = bytes.iter().take(BYTES_MAX).position(|byte| *byte == END)?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let fields: Vec<&str> = text.strip_suffix('\n')?.split('\n').collect();
    let [path, source, line, seeds, summary] = fields.try_into().ok()?;
    let (_, path) = path.split_once("::")?;
    let text = str::to_owned;
    Some(Listed {
        path: text(path),
        source: text(source),
        line: text(line),
        seeds: seeds.parse().ok()?,
        summary: text(summary),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_found_among_other_bytes() {
        let description = |name: &str| {
            format!("\x01afterlife test 1\nshop::orders::{name}\ntests/shop.rs\n7\n200\nNothing is lost.\n\x02")
        };
        let mut bytes = b"\x7fELF\x01\x01\x01afterlife test 1\n\x02".to_vec();
        bytes.extend(description("hold").bytes().chain([0xff, 1]).chain(description("a").bytes()));
        bytes.extend(description("hold").bytes().chain(*b"\x01afterlife test 1\nshop::x\nno"));
        let found = find(&bytes);
        assert_eq!(found.iter().map(|test| &*test.path).collect::<Vec<_>>(), ["orders::a", "orders::hold"]);
        let expected = ("tests/shop.rs", "7", 200, "Nothing is lost.");
        let Listed { source, line, seeds, summary, .. } = &found[1];
        assert_eq!((source.as_str(), line.as_str(), *seeds, summary.as_str()), expected);
    }
}
