//! The ways in which the coordinator's releases break.
//! How many runs each takes, `docs/variants.md` says.

use crate::variant;
use afterlife::{Build, Variant};

const USE: &str = "no-use-after-teardown";
const CALLBACK: &str = "no-callback-after-deregistration";

pub(super) const VARIANTS: &[Variant] = &[
    variant(
        "V1",
        Build::Shipped,
        "the report: a final progress finds the query status freed",
        &[USE, "query-status", "onFinalProgress"],
    ),
    variant(
        "V1b",
        Build::Shipped,
        "a progress on the way finds the query status freed",
        &[USE, "query-status", "onProgress"],
    ),
    variant(
        "V2 HTTP",
        Build::Shipped,
        "a late progress uses a variable of a frame that was left",
        &[USE, "used-output"],
    ),
    variant(
        "V2 HTTP",
        Build::Patched,
        "a late progress uses a variable of a frame that was left",
        &[USE, "used-output"],
    ),
    variant(
        "V2 MySQL",
        Build::Shipped,
        "a late progress uses a counter of a frame that was left",
        &[USE, "affected-rows"],
    ),
    variant(
        "V2 MySQL",
        Build::Patched,
        "a late progress uses a counter of a frame that was left",
        &[USE, "affected-rows"],
    ),
    variant(
        "V2 TCP",
        Build::Shipped,
        "a late progress is told to the next query of the connection",
        &[CALLBACK, "progress-callback"],
    ),
    variant(
        "V2 TCP",
        Build::Patched,
        "a late progress is told to the next query of the connection",
        &[CALLBACK, "progress-callback"],
    ),
    variant(
        "refused",
        Build::Shipped,
        "a query that was refused takes out another's entry",
        &["own-entry-only", "where it had entered none"],
    ),
    variant(
        "refused",
        Build::Patched,
        "a query that was refused takes out another's entry",
        &["own-entry-only", "where it had entered none"],
    ),
    variant(
        "id alone",
        Build::Shipped,
        "progress of one query is taken for the next one's of the same id",
        &["always", "progress of one query never appears in another"],
    ),
    variant(
        "id alone",
        Build::Patched,
        "progress of one query is taken for the next one's of the same id",
        &["always", "progress of one query never appears in another"],
    ),
    variant(
        "not counted",
        Build::Shipped,
        "a final progress was stored and not counted at its query's end",
        &["always", "what the workers have told"],
    ),
    variant(
        "not counted",
        Build::Patched,
        "a final progress was stored and not counted at its query's end",
        &["always", "what the workers have told"],
    ),
    variant(
        "twice",
        Build::Shipped,
        "the progress of two attempts is counted twice",
        &["always", "nothing is counted for a query but"],
    ),
    variant(
        "twice",
        Build::Patched,
        "the progress of two attempts is counted twice",
        &["always", "nothing is counted for a query but"],
    ),
];
