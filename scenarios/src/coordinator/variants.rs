//! The known ways in which the coordinator's releases break.
//! `docs/variants.md` says how many runs it takes to find each.

use crate::variant::variant;
use afterlife::{Build, Variant};

const USE: &str = "no-use-after-teardown";
const CALLBACK: &str = "no-callback-after-deregistration";

pub(super) const VARIANTS: &[Variant] = &[
    variant(
        "V1",
        Build::Shipped,
        "the report: a final progress uses a freed query status",
        &[USE, "query-status", "onFinalProgress"],
    ),
    variant("V1b", Build::Shipped, "a progress delta uses a freed query status", &[USE, "query-status", "onProgress"]),
    variant(
        "V2 HTTP",
        Build::Shipped,
        "a late callback uses a variable of a frame that has returned",
        &[USE, "used-output"],
    ),
    variant(
        "V2 HTTP",
        Build::Patched,
        "a late callback uses a variable of a frame that has returned",
        &[USE, "used-output"],
    ),
    variant(
        "V2 MySQL",
        Build::Shipped,
        "a late callback uses a counter of a frame that has returned",
        &[USE, "affected-rows"],
    ),
    variant(
        "V2 MySQL",
        Build::Patched,
        "a late callback uses a counter of a frame that has returned",
        &[USE, "affected-rows"],
    ),
    variant(
        "V2 TCP",
        Build::Shipped,
        "a late callback counts for the connection's next query",
        &[CALLBACK, "progress-callback"],
    ),
    variant(
        "V2 TCP",
        Build::Patched,
        "a late callback counts for the connection's next query",
        &[CALLBACK, "progress-callback"],
    ),
    variant(
        "refused",
        Build::Shipped,
        "a refused query removes another query's entry",
        &["own-entry-only", "where it had entered none"],
    ),
    variant(
        "refused",
        Build::Patched,
        "a refused query removes another query's entry",
        &["own-entry-only", "where it had entered none"],
    ),
    variant(
        "id alone",
        Build::Shipped,
        "progress of one query is counted for the next query of the same id",
        &["always", "progress of one query never appears in another"],
    ),
    variant(
        "id alone",
        Build::Patched,
        "progress of one query is counted for the next query of the same id",
        &["always", "progress of one query never appears in another"],
    ),
    variant(
        "not counted",
        Build::Shipped,
        "a stored final progress is not counted by the end of its query",
        &["always", "all progress reported for a query"],
    ),
    variant(
        "not counted",
        Build::Patched,
        "a stored final progress is not counted by the end of its query",
        &["always", "all progress reported for a query"],
    ),
    variant(
        "twice",
        Build::Shipped,
        "the progress of two attempts is counted twice",
        &["always", "a query counts only progress"],
    ),
    variant(
        "twice",
        Build::Patched,
        "the progress of two attempts is counted twice",
        &["always", "a query counts only progress"],
    ),
];
