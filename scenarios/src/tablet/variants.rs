//! The known ways in which the tablet's releases break. `docs/variants.md` says how many runs it takes to meet each.

use crate::release::{PATCHED, SHIPPED};
use crate::variant;
use afterlife::Variant;

const LOOP: &str = "no-crash-loop";

pub(super) const VARIANTS: &[Variant] = &[
    variant("C1", SHIPPED, "the report: a controller is entered in a nil map", &["no-use-before-init", "vdiff stats"]),
    variant(
        "C1, I5",
        SHIPPED,
        "the process dies of that, and of the nil event that follows, at every start",
        &[LOOP, "tablet/s"],
    ),
    variant(
        "C2, I15",
        SHIPPED,
        "the watch of the shard ends without an error event",
        &["notify-before-close", "shard watch"],
    ),
    variant(
        "C2, I15",
        PATCHED,
        "the watch of the shard ends without an error event",
        &["notify-before-close", "shard watch"],
    ),
    variant("C3", SHIPPED, "a promotion that panics leaves a half-open engine", &["closed-or-open"]),
    variant("C4", PATCHED, "after the fix the loop spins on the closed channel", &["no-spin", "target"]),
    variant(
        "#19140",
        PATCHED,
        "a diff that panics leaves its row unchanged, and the process dies of it at every start",
        &[LOOP, "tablet/report.rs"],
    ),
    variant(
        "wide rows",
        PATCHED,
        "extra rows are kept whole, and the process runs out of memory",
        &["blast-radius", "out of memory"],
    ),
];
