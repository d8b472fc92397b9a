//! The report of one table's diff: the counts, and the reconciliation of extra rows. `table_differ.rs` reads the rows.

use super::build::Build;
use super::rows::Row;
use serde::{Deserialize, Serialize};

/// The number of a column's bytes that the sound build keeps of an extra row.
const SAMPLE_BYTES: usize = 64;

/// Upstream's `DiffReport`. It is stored as JSON, without the rows themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DiffReport {
    pub(super) processed_rows: u64,
    pub(super) matching_rows: u64,
    pub(super) mismatched_rows: u64,
    pub(super) extra_rows_source: u64,
    pub(super) extra_rows_target: u64,
    #[serde(skip)]
    extra_rows_source_diffs: Vec<Row>,
    #[serde(skip)]
    extra_rows_target_diffs: Vec<Row>,
}

impl DiffReport {
    pub(super) fn matched(&mut self) {
        self.processed_rows += 1;
        self.matching_rows += 1;
    }

    pub(super) fn mismatched(&mut self) {
        self.processed_rows += 1;
        self.mismatched_rows += 1;
    }

    /// Counts a row that only the source has. Up to `kept_max` such rows are kept whole, however wide they are. Of
    /// each, the sound build keeps only enough to tell it from others.
    pub(super) fn extra_in_source(&mut self, row: Row, kept_max: usize, build: Build) {
        self.processed_rows += 1;
        self.extra_rows_source += 1;
        keep(&mut self.extra_rows_source_diffs, row, kept_max, build);
    }

    /// Counts a row that only the target has.
    pub(super) fn extra_in_target(&mut self, row: Row, kept_max: usize, build: Build) {
        self.processed_rows += 1;
        self.extra_rows_target += 1;
        keep(&mut self.extra_rows_target_diffs, row, kept_max, build);
    }

    /// Returns whether the tables differ.
    pub(super) fn differs(&self) -> bool {
        self.mismatched_rows + self.extra_rows_source + self.extra_rows_target > 0
    }

    /// Upstream's `reconcileExtraRows`, with the shortcut for reference tables of #19140: where the shard counts
    /// differ, one side has a multiple of the rows.
    ///
    /// # Panics
    /// If no row matched: integer divide by zero.
    #[expect(clippy::manual_is_multiple_of, reason = "upstream divides by what may be zero, and dies of it")]
    pub(super) fn reconcile_extra_rows(&mut self, is_reference: bool, kept_max: usize, samples_max: usize) {
        if self.mismatched_rows == 0 && is_reference {
            if self.extra_rows_source > 0 && self.extra_rows_source % self.matching_rows == 0 {
                self.extra_rows_source = 0;
                self.extra_rows_source_diffs.clear();
            }
            if self.extra_rows_target > 0 && self.extra_rows_target % self.matching_rows == 0 {
                self.extra_rows_target = 0;
                self.extra_rows_target_diffs.clear();
            }
        }
        if self.extra_rows_source == self.extra_rows_target && self.extra_rows_source <= kept_max as u64 {
            self.match_extra_rows();
        }
        self.extra_rows_source_diffs.truncate(samples_max);
        self.extra_rows_target_diffs.truncate(samples_max);
    }

    /// Matches rows that both sides have in a different order.
    fn match_extra_rows(&mut self) {
        let targets = &mut self.extra_rows_target_diffs;
        let mut matched = 0;
        self.extra_rows_source_diffs.retain(|row| match targets.iter().position(|other| other == row) {
            Some(at) => {
                targets.remove(at);
                matched += 1;
                false
            }
            None => true,
        });
        self.extra_rows_source -= matched;
        self.extra_rows_target -= matched;
        self.processed_rows -= matched;
        self.matching_rows += matched;
    }
}

fn keep(rows: &mut Vec<Row>, mut row: Row, kept_max: usize, build: Build) {
    if rows.len() >= kept_max {
        return;
    }
    if build == Build::Sound {
        for value in row.1.iter_mut().filter(|value| value.len() > SAMPLE_BYTES) {
            *value = sample(value);
        }
    }
    rows.push(row);
}

/// The start of a value, its length, and a checksum.
fn sample(value: &str) -> String {
    let sum = value.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let beginning: String = value.chars().take(SAMPLE_BYTES / 4).collect();
    format!("{beginning}… {} {sum:x}", value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pk: i64) -> Row {
        Row(pk, vec!["x".repeat(1_000)])
    }

    #[test]
    fn rows_in_another_order_are_no_difference() {
        for build in [Build::Shipped, Build::Sound] {
            let mut report = DiffReport::default();
            report.matched();
            for pk in [1, 2] {
                report.extra_in_source(row(pk), 10, build);
                report.extra_in_target(row(3 - pk), 10, build);
            }
            report.reconcile_extra_rows(false, 10, 10);
            assert!(!report.differs());
            assert_eq!((report.processed_rows, report.matching_rows), (3, 3));
        }
    }

    #[test]
    fn a_multiple_in_a_reference_table_is_no_difference() {
        let mut report = DiffReport::default();
        report.matched();
        report.extra_in_source(row(2), 10, Build::Shipped);
        report.reconcile_extra_rows(true, 10, 10);
        assert!(!report.differs());
    }

    #[test]
    #[should_panic = "divisor of zero"]
    fn a_reference_table_that_was_not_copied_at_all_divides_by_zero() {
        let mut report = DiffReport::default();
        report.extra_in_source(row(1), 10, Build::Shipped);
        report.reconcile_extra_rows(true, 10, 10);
    }

    #[test]
    fn the_sound_build_keeps_no_wide_row() {
        let mut report = DiffReport::default();
        report.extra_in_source(row(1), 10, Build::Sound);
        assert!(report.extra_rows_source_diffs[0].bytes() < 100);
    }
}
