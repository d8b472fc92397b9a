//! The known ways in which the coordinator's releases break.
//! `docs/variants.md` says how many runs it takes to find each.

use crate::release::{PATCHED, SHIPPED};
use crate::variant::variant;
use afterlife::Variant;

const USE: &str = "no-use-after-teardown";
const CALLBACK: &str = "no-callback-after-deregistration";

pub(super) const VARIANTS: &[Variant] = &[
    variant(
        "V1",
        SHIPPED,
        "the report: a final progress uses a freed query status",
        &[USE, "query-status", "onFinalProgress"],
    ),
    variant("V1b", SHIPPED, "a progress delta uses a freed query status", &[USE, "query-status", "onProgress"]),
    variant("V2 HTTP", SHIPPED, "a late callback uses a variable of a frame that has returned", &[USE, "used-output"]),
    variant("V2 HTTP", PATCHED, "a late callback uses a variable of a frame that has returned", &[USE, "used-output"]),
    variant(
        "V2 MySQL",
        SHIPPED,
        "a late callback uses a counter of a frame that has returned",
        &[USE, "affected-rows"],
    ),
    variant(
        "V2 MySQL",
        PATCHED,
        "a late callback uses a counter of a frame that has returned",
        &[USE, "affected-rows"],
    ),
    variant(
        "V2 TCP",
        SHIPPED,
        "a late callback counts for the connection's next query",
        &[CALLBACK, "progress-callback"],
    ),
    variant(
        "V2 TCP",
        PATCHED,
        "a late callback counts for the connection's next query",
        &[CALLBACK, "progress-callback"],
    ),
    variant(
        "refused",
        SHIPPED,
        "a refused query removes another query's entry",
        &["own-entry-only", "where it had made none"],
    ),
    variant(
        "refused",
        PATCHED,
        "a refused query removes another query's entry",
        &["own-entry-only", "where it had made none"],
    ),
    variant(
        "id alone",
        SHIPPED,
        "progress of one query is counted for the next query of the same id",
        &["always", "progress of one query never appears in another"],
    ),
    variant(
        "id alone",
        PATCHED,
        "progress of one query is counted for the next query of the same id",
        &["always", "progress of one query never appears in another"],
    ),
    variant(
        "not counted",
        SHIPPED,
        "a stored final progress is not counted by the end of its query",
        &["always", "all progress reported for a query"],
    ),
    variant(
        "not counted",
        PATCHED,
        "a stored final progress is not counted by the end of its query",
        &["always", "all progress reported for a query"],
    ),
    variant(
        "twice",
        SHIPPED,
        "the progress of two attempts is counted twice",
        &["always", "a query counts only progress"],
    ),
    variant(
        "twice",
        PATCHED,
        "the progress of two attempts is counted twice",
        &["always", "a query counts only progress"],
    ),
];
